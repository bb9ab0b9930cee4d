/**
 * Who live figures are told apart by: pairs of source and region, sources, and all of them; and the
 * campaigns that spend.
 *
 * Invariants:
 *   B1 At most MAX_SOURCES sources and MAX_REGIONS regions have their own name, in the order of
 *      their coming; the others are OTHER_NAME. A pair for which there is no room counts as its
 *      source's OTHER_NAME region. So which pair an event counts in follows from which pairs are
 * stored.
 *   B2 The figures of a source are the sums of its pairs, those of all the sums of all pairs: only
 *      pairs are stored.
 */
import {
  GROUPS_PER_PART,
  type LiveGroups,
  type StoredCampaign,
  type StoredGroup,
} from '../../../protocols/live-snapshot.ts';
import { ALL_NAMES, OTHER_NAME, PULSE_FIGURES } from '../../../protocols/pulse.ts';
import { EventTimeSums } from './event-time-sums.ts';

export const MAX_SOURCES = 64;
export const MAX_REGIONS = 64;
/** Pairs, those with a region of OTHER_NAME included. */
export const MAX_PAIRS = 256;
/** Campaigns by name; OTHER_NAME is one more. */
export const MAX_CAMPAIGNS = 255;
/** Days of which users are counted: yesterday, today, and what is ahead. */
const VISITOR_DAYS = 3;
const DAY_SECONDS = 86_400;
const VISITORS = PULSE_FIGURES.indexOf('visitors');
const CAMPAIGN_FIGURES = 2;

export class Group {
  readonly sums = new EventTimeSums(PULSE_FIGURES.length);
  /** By UTC day since 1970. */
  readonly visitors = new Map<number, number>();
  readonly source: string;
  readonly region: string;

  constructor(source: string, region: string) {
    this.source = source;
    this.region = region;
  }

  /** As alerts are keyed. */
  get key(): string {
    return `${this.source}/${this.region}`;
  }

  /** @param countedIn the second that it counts in, or undefined if that is closed. */
  add(second: number, countedIn: number | undefined, figures: readonly number[]): void {
    this.sums.add(countedIn, figures);
    const users = figures[VISITORS] as number;
    if (users !== 0) this.addVisitors(Math.floor(second / DAY_SECONDS), users);
  }

  addVisitors(day: number, users: number): void {
    this.visitors.set(day, (this.visitors.get(day) ?? 0) + users);
    if (this.visitors.size > VISITOR_DAYS) this.visitors.delete(Math.min(...this.visitors.keys()));
  }

  absorb(stored: StoredGroup): void {
    this.sums.absorb(stored);
    for (const [day, users] of stored.visitors) this.addVisitors(day, users);
  }

  stored(): StoredGroup {
    const visitors = [...this.visitors].sort(([a], [b]) => a - b);
    return { source: this.source, region: this.region, ...this.sums.stored(), visitors };
  }
}

export class Groups {
  readonly all = new Group(ALL_NAMES, ALL_NAMES);
  readonly sources = new Map<string, Group>();
  readonly pairs: Group[] = [];
  readonly campaigns = new Map<string, EventTimeSums>();
  readonly #regions = new Set<string>();
  readonly #byName = new Map<string, Group>();
  readonly #dirtyParts = new Set<number>();
  /** Of pairs and campaigns, their number in the order of coming. */
  readonly #numbers = new Map<Group | string, number>();

  /** How many parts hold them. */
  get parts(): number {
    return Math.ceil(Math.max(this.pairs.length, this.campaigns.size) / GROUPS_PER_PART);
  }

  /** Those that an event of this source and region counts in: its pair, its source, all (B1). */
  of(source: string, region: string): readonly [pair: Group, source: Group, all: Group] {
    const hasSource = this.sources.has(source) || this.sources.size < MAX_SOURCES;
    const named = hasSource ? source : OTHER_NAME;
    const hasRegion = this.#regions.has(region) || this.#regions.size < MAX_REGIONS;
    const key = `${named}\n${hasRegion ? region : OTHER_NAME}`;
    const known = this.#byName.get(key);
    // Every source may still need a pair for the rest of its regions.
    const hasRoom = this.pairs.length < MAX_PAIRS - MAX_SOURCES - 1;
    const pair = known ?? this.#pair(named, hasRegion && hasRoom ? region : OTHER_NAME);
    return [pair, this.sources.get(named) as Group, this.all];
  }

  campaign(id: string): EventTimeSums {
    const isNamed = this.campaigns.has(id) || this.campaigns.size < MAX_CAMPAIGNS;
    return this.#campaign(isNamed ? id : OTHER_NAME);
  }

  /** The pair or the campaign is to be stored again. */
  touch(what: Group | string): void {
    const number = this.#numbers.get(what);
    if (number !== undefined) this.#dirtyParts.add(Math.floor(number / GROUPS_PER_PART));
  }

  /** Closes a second for all. O(groups). */
  close(second: number): void {
    this.all.sums.close(second);
    for (const group of this.sources.values()) group.sums.close(second);
    for (const pair of this.pairs) if (pair.sums.close(second)) this.touch(pair);
    for (const [id, sums] of this.campaigns) if (sums.close(second)) this.touch(id);
  }

  /** Takes in a part, in the order of parts. */
  load({ groups, campaigns }: LiveGroups): void {
    for (const stored of groups) {
      this.#pair(stored.source, stored.region).absorb(stored);
      this.sources.get(stored.source)?.absorb(stored);
      this.all.absorb(stored);
    }
    for (const stored of campaigns) this.#campaign(stored.campaign).absorb(stored);
  }

  /**
   * Ends loading: lets go of what is too old by now, for parts are only stored when they change.
   */
  loaded(lastClosedSecond: number | undefined): void {
    this.#dirtyParts.clear();
    if (lastClosedSecond === undefined) return;
    const groups = [this.all, ...this.sources.values(), ...this.pairs];
    for (const { sums } of groups) sums.forget(lastClosedSecond);
    for (const sums of this.campaigns.values()) sums.forget(lastClosedSecond);
  }

  /** The parts that changed since the last call. */
  takeChanges(): (readonly [part: number, body: LiveGroups])[] {
    const campaigns = [...this.campaigns];
    const parts = [...this.#dirtyParts].sort((a, b) => a - b);
    this.#dirtyParts.clear();
    return parts.map((part) => {
      const [from, to] = [part * GROUPS_PER_PART, (part + 1) * GROUPS_PER_PART];
      const groups = this.pairs.slice(from, to).map((pair) => pair.stored());
      const stored = campaigns.slice(from, to).map(([campaign, sums]): StoredCampaign => {
        return { campaign, ...sums.stored() };
      });
      return [part, { v: 1, groups, campaigns: stored }] as const;
    });
  }

  #pair(source: string, region: string): Group {
    const key = `${source}\n${region}`;
    const known = this.#byName.get(key);
    if (known !== undefined) return known;
    const pair = new Group(source, region);
    this.#byName.set(key, pair);
    this.#numbers.set(pair, this.pairs.length);
    this.pairs.push(pair);
    this.#regions.add(region);
    if (!this.sources.has(source)) this.sources.set(source, new Group(source, ALL_NAMES));
    return pair;
  }

  #campaign(id: string): EventTimeSums {
    const known = this.campaigns.get(id);
    if (known !== undefined) return known;
    const sums = new EventTimeSums(CAMPAIGN_FIGURES);
    this.#numbers.set(id, this.campaigns.size);
    this.campaigns.set(id, sums);
    return sums;
  }
}
