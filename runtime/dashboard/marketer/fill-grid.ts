/**
 * Fill by source and region as a grid, and what each cell has to say.
 *
 * Pure: from a frame's groups to rows and cells.
 */
import type { LiveFrame } from '../../../protocols/live-figures.ts';

type Group = LiveFrame['groups'][number];
type Standing = Pick<
  Group,
  'minute' | 'total' | 'fill_rate_hour' | 'fill_by_arrival' | 'expected_events_per_s'
>;

/** As live-figures.ts names it, which this page does not bundle. */
const SMALL_GROUPS = '(small)';

/** Arrival below this is low even though traffic is never quite as expected. */
const LOW_ARRIVAL = 0.7;
const LOW_GAPS = 0.97;
const VERY_LOW_GAPS = 0.9;

export interface FillCell {
  /** Of received over sent by gaps of numbering; null while nothing is numbered. */
  readonly byGaps: number | null;
  /** Of received over expected, at most 1; null while too little is known. */
  readonly byArrival: number | null;
  readonly eventsPerS: number;
  readonly expectedPerS: number | null;
  /**
   * `silent`: nothing came in a minute though something was expected. `quiet`: nothing came, and
   * nobody knows whether it should have.
   */
  readonly state: 'silent' | 'quiet' | 'low' | 'lower' | 'fine';
}

export interface FillGrid {
  readonly regions: readonly string[];
  readonly rows: readonly {
    readonly source: string;
    readonly all: FillCell | undefined;
    /** By region, in the order of `regions`; undefined where the pair does not exist. */
    readonly cells: readonly (FillCell | undefined)[];
  }[];
  /** Groups too small to be shown one by one. */
  readonly small: FillCell | undefined;
}

/** The grid of a frame: the sources and regions with the most events of all time first. */
export function fillGrid(frame: Pick<LiveFrame, 'groups' | 'sources'>): FillGrid {
  const isSmall = (group: Group) => group.source === SMALL_GROUPS || group.region === SMALL_GROUPS;
  const named = frame.groups.filter((group) => !isSmall(group));
  const small = frame.groups.find(isSmall);
  const regions = busiestFirst(named, (group) => group.region);
  const bySource = new Map(frame.sources.map((each) => [each.source, each]));
  const names = new Set([
    ...busiestFirst(named, (group) => group.source),
    ...frame.sources.map((each) => each.source).filter((name) => name !== SMALL_GROUPS),
  ]);
  const cellAt = new Map(named.map((group) => [pair(group.source, group.region), cellOf(group)]));
  const rows = [...names].map((source) => {
    const all = bySource.get(source);
    return {
      source,
      all: all === undefined ? undefined : cellOf(all),
      cells: regions.map((region) => cellAt.get(pair(source, region))),
    };
  });
  return { regions, rows, small: small === undefined ? undefined : cellOf(small) };
}

/** What a cell says of a group. */
export function cellOf(group: Standing): FillCell {
  const eventsPerS = group.minute.events / 60;
  const cell = {
    byGaps: group.fill_rate_hour,
    byArrival: group.fill_by_arrival,
    eventsPerS,
    expectedPerS: group.expected_events_per_s,
  };
  return { ...cell, state: stateOf(cell) };
}

function stateOf(cell: Omit<FillCell, 'state'>): FillCell['state'] {
  if (cell.eventsPerS === 0) return (cell.expectedPerS ?? 0) > 0 ? 'silent' : 'quiet';
  const gaps = cell.byGaps ?? 1;
  const arrival = cell.byArrival ?? 1;
  if (gaps < VERY_LOW_GAPS || arrival < LOW_ARRIVAL / 2) return 'lower';
  return gaps < LOW_GAPS || arrival < LOW_ARRIVAL ? 'low' : 'fine';
}

function busiestFirst(groups: readonly Group[], nameOf: (group: Group) => string): string[] {
  const events = new Map<string, number>();
  for (const group of groups) {
    events.set(nameOf(group), (events.get(nameOf(group)) ?? 0) + group.total.events);
  }
  return [...events]
    .sort(([a, countA], [b, countB]) => countB - countA || a.localeCompare(b))
    .map(([name]) => name);
}

function pair(source: string, region: string): string {
  return `${source}\n${region}`;
}
