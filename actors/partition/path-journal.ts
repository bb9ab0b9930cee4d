/**
 * What a partition's events change about paths between two commits, added up, so that a path that
 * grew three times in one commit is one line taken away and one added.
 */
import { utcDay } from '../../protocols/cells.ts';
import { cohortName } from '../../protocols/cohort.ts';
import { type CreditKind, type PathJournalEntry, pairName } from '../../protocols/path-journal.ts';
import type { Path } from '../../protocols/user-snapshot.ts';
import {
  CREDIT_FIGURES,
  conversionCredits,
  PAIR_MODEL,
  type TouchCredits,
} from '../channel/conversion-credits.ts';
import { RULE_MODELS } from '../channel/rule-models.ts';
import type { PathCounts } from '../user/path.ts';

/** A journal message holds about this much at most; a longer journal comes in parts. */
export const MAX_PART_BYTES = 256 * 1024;
/** What a line takes beside its channels. */
const LINE_BYTES = 40;
/** What a row of credits takes beside its name, and each of its figures. */
const CREDIT_BYTES = 20;
const FIGURE_BYTES = 10;

interface PathChange {
  readonly day: string;
  readonly channels: readonly string[];
  conversions: number;
  nulls: number;
  micros: number;
}

interface CreditChange {
  readonly day: string;
  readonly kind: CreditKind;
  readonly name: string;
  readonly figures: number[];
}

export class PathJournal implements PathCounts {
  readonly #paths = new Map<string, PathChange>();
  readonly #credits = new Map<string, CreditChange>();
  /** An upper bound of what the journal takes when written. */
  #bytes = 0;

  /** Messages that take() will return, at most. */
  get messageCount(): number {
    return this.#bytes === 0 ? 0 : 1 + Math.floor((2 * this.#bytes) / MAX_PART_BYTES);
  }

  get bytes(): number {
    return this.#bytes;
  }

  path({ touches, conversion, samplePpm }: Path, by: 1 | -1): void {
    const day = cohortName(utcDay(touches[0]?.t ?? 0), samplePpm);
    let key = day;
    for (const { channel } of touches) key += `>${channel}`;
    let change = this.#paths.get(key);
    if (change === undefined) {
      const channels = touches.map(({ channel }) => channel);
      change = { day, channels, conversions: 0, nulls: 0, micros: 0 };
      this.#paths.set(key, change);
      this.#bytes += LINE_BYTES + 3 * key.length;
    }
    if (conversion === undefined) {
      change.nulls += by;
      return;
    }
    change.conversions += by;
    change.micros += by * conversion.micros;
    this.#credit(day, touches, conversionCredits(touches, conversion.t, conversion.micros), by);
  }

  /** The journal since the last call; nothing if nothing changed in the end. */
  take(partition: number, sequence: number): PathJournalEntry[] {
    const paths = [...this.#paths.values()].filter(
      ({ conversions, nulls, micros }) => conversions !== 0 || nulls !== 0 || micros !== 0,
    );
    const credits = [...this.#credits.values()].filter(({ figures }) => figures.some(isChange));
    this.#paths.clear();
    this.#credits.clear();
    this.#bytes = 0;
    if (paths.length === 0 && credits.length === 0) return [];
    const parts = [new JournalPart()];
    const roomFor = (bytes: number): JournalPart => {
      let part = parts[parts.length - 1] as JournalPart;
      if (part.bytes > 0 && part.bytes + bytes > MAX_PART_BYTES) {
        part = new JournalPart();
        parts.push(part);
      }
      part.bytes += bytes;
      return part;
    };
    for (const change of paths) {
      const names = change.channels.reduce((sum, name) => sum + 3 * name.length, 0);
      roomFor(LINE_BYTES + names).addPath(change);
    }
    for (const change of credits) {
      roomFor(creditBytes(change.kind, change.name)).addCredit(change);
    }
    return parts.map((part, i) => part.entry(partition, sequence, i, parts.length));
  }

  #credit(
    day: string,
    touches: Path['touches'],
    byModel: Record<(typeof RULE_MODELS)[number], TouchCredits>,
    by: 1 | -1,
  ): void {
    touches.forEach(({ channel, campaign }, i) => {
      const rows = [this.#creditRow(day, 'channel', channel)];
      if (campaign !== undefined) {
        rows.push(this.#creditRow(day, 'campaign', campaign));
        const pair = this.#creditRow(day, 'pair', pairName(channel, campaign));
        addTouch(pair, 0, byModel[PAIR_MODEL], i, by);
      }
      RULE_MODELS.forEach((model, m) => {
        for (const row of rows) addTouch(row, m, byModel[model], i, by);
      });
    });
  }

  #creditRow(day: string, kind: CreditKind, name: string): number[] {
    const key = `${day} ${kind} ${name}`;
    let change = this.#credits.get(key);
    if (change === undefined) {
      change = { day, kind, name, figures: new Array<number>(CREDIT_FIGURES[kind]).fill(0) };
      this.#credits.set(key, change);
      this.#bytes += creditBytes(kind, name);
    }
    return change.figures;
  }
}

class JournalPart {
  bytes = 0;
  readonly #days = new Names();
  readonly #channels = new Names();
  readonly #paths: PathJournalEntry['paths'] = [];
  readonly #credits: PathJournalEntry['credits'] = [];

  addPath({ day, channels, conversions, nulls, micros }: PathChange): void {
    const indices = channels.map((channel) => this.#channels.indexOf(channel));
    this.#paths.push([this.#days.indexOf(day), indices, conversions, nulls, micros]);
  }

  addCredit({ day, kind, name, figures }: CreditChange): void {
    this.#credits.push([this.#days.indexOf(day), kind, name, figures]);
  }

  entry(partition: number, sequence: number, part: number, parts: number): PathJournalEntry {
    const { names: days } = this.#days;
    const { names: channels } = this.#channels;
    const [paths, credits] = [this.#paths, this.#credits];
    const place = { partition, sequence, part, parts };
    return { v: 2, ...place, days, channels, paths, credits, has_pairs: true };
  }
}

/** Names by index, in the order they came. */
class Names {
  readonly names: string[] = [];
  readonly #indices = new Map<string, number>();

  indexOf(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    this.#indices.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}

/** Adds a touch's part of a conversion to the m-th model of a row. */
function addTouch(
  row: number[],
  m: number,
  { conversions, micros }: TouchCredits,
  touch: number,
  by: 1 | -1,
): void {
  row[2 * m] = (row[2 * m] as number) + by * (conversions[touch] as number);
  row[2 * m + 1] = (row[2 * m + 1] as number) + by * (micros[touch] as number);
}

function creditBytes(kind: CreditKind, name: string): number {
  return CREDIT_BYTES + FIGURE_BYTES * CREDIT_FIGURES[kind] + 3 * name.length;
}

function isChange(figure: number): boolean {
  return figure !== 0;
}
