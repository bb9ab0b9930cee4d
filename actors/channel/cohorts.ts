/**
 * The channel actors' state: per cohort (UTC day of path start) the path table and what each
 * rule-based model credits, folded from the partitions' path journals.
 *
 * Invariants:
 *   H1 A commit's journal is folded once: its parts come in order, and a commit at or before its
 *      partition's position changes nothing.
 *   H2 What is stored is whole: nothing is taken for storage between two parts of one commit.
 *   H3 Whatever the bounds below lump together, the totals stay exact.
 *   H4 A day has the pairs of all its conversions or, where some came from a release that did not
 *      count pairs, none.
 */
import { OTHER_CHANNEL } from '../../protocols/cells.ts';
import type { ChannelsHead, DayCredits, PathChunk } from '../../protocols/channel-actor.ts';
import type { CreditKind, PathJournalEntry } from '../../protocols/path-journal.ts';
import { CREDIT_FIGURES } from './conversion-credits.ts';
import { ChannelIndex, PathTable } from './path-table.ts';

/** Days kept; of more the oldest is forgotten, and what still comes for it is counted nowhere. */
export const MAX_DAYS = 400;
/** Chunks of all days together: with every day's credits and the head they fit one commit. */
export const MAX_CHUNKS = 590;
/** What a chunk holds on average, in bytes as stored, before its day gets twice as many. */
const FULL_CHUNK_BYTES = 256 * 1024;
/** A path as stored: its figures, and each touch with its comma. */
const PATH_BYTES = 30;
const TOUCH_BYTES = 4;
/** Names credited on a day, per kind; others are credited to OTHER_CHANNEL. */
export const MAX_CREDITED_NAMES = 2_000;
/**
 * What the credits of a day may take as stored, beyond which names are lumped too. Pairs have room
 * of their own, so that they drive no channel and no campaign out; both together fit a message.
 */
const MAX_CREDIT_BYTES = 768 * 1024;
const MAX_PAIR_BYTES = 224 * 1024;
/** What a name takes beside itself, which is at most three bytes a character, and each figure. */
const CREDIT_ROW_BYTES = 4;
const FIGURE_BYTES = 18;

/** Per model that is kept of the kind, millionths of a conversion, and micros. */
export type CreditFigures = number[];

/** One day of path starts. */
export class Cohort {
  readonly table: PathTable;
  readonly credits: Readonly<Record<CreditKind, Map<string, CreditFigures>>> = {
    channel: new Map(),
    campaign: new Map(),
    pair: new Map(),
  };
  chunks = 1;
  readonly dirtyChunks = new Set<number>();
  areCreditsDirty = false;
  #bytes = 0;
  #creditBytes = 0;
  #pairBytes = 0;
  #hasPairs = true;

  constructor(index: ChannelIndex) {
    this.table = new PathTable(index);
  }

  /** Whether its chunks are full. */
  get isFull(): boolean {
    return this.#bytes > this.chunks * FULL_CHUNK_BYTES;
  }

  addPath(path: string, conversions: number, nulls: number, micros: number): void {
    const before = this.table.size;
    this.table.add(path, conversions, nulls, micros);
    this.#bytes += (this.table.size - before) * (PATH_BYTES + TOUCH_BYTES * path.length);
    this.dirtyChunks.add(chunkOf(path, this.chunks));
  }

  /** Spreads its paths over twice as many chunks. */
  split(): void {
    this.chunks *= 2;
    for (let chunk = 0; chunk < this.chunks; chunk++) this.dirtyChunks.add(chunk);
  }

  addCredit(kind: CreditKind, name: string, figures: readonly number[]): void {
    if (kind === 'pair' && !this.#hasPairs) return;
    const byName = this.credits[kind];
    const hasRoom =
      kind === 'pair' ? this.#pairBytes < MAX_PAIR_BYTES : this.#creditBytes < MAX_CREDIT_BYTES;
    const isFull = byName.size >= MAX_CREDITED_NAMES - 1 || !hasRoom;
    const isLumped = !byName.has(name) && isFull;
    this.loadCredit(kind, isLumped ? OTHER_CHANNEL : name, figures);
  }

  /** The same within bounds already: what was stored is not lumped again. */
  loadCredit(kind: CreditKind, name: string, figures: readonly number[]): void {
    const byName = this.credits[kind];
    const sums = byName.get(name) ?? new Array<number>(CREDIT_FIGURES[kind]).fill(0);
    const next = sums.map((sum, i) => sum + (figures[i] ?? 0));
    const before = byName.size;
    if (next.some((figure) => figure !== 0)) byName.set(name, next);
    else byName.delete(name);
    const rowBytes = CREDIT_ROW_BYTES + FIGURE_BYTES * sums.length + 3 * name.length;
    if (kind === 'pair') this.#pairBytes += (byName.size - before) * rowBytes;
    else this.#creditBytes += (byName.size - before) * rowBytes;
    this.areCreditsDirty = true;
  }

  /** Some conversion was counted without its pairs: from now on none are counted here (H4). */
  forgoPairs(): void {
    this.#hasPairs = false;
    this.#pairBytes = 0;
    this.credits.pair.clear();
    this.areCreditsDirty = true;
  }

  /** The chunks that changed, by number. O(paths). */
  storedChunks(): Map<number, PathChunk> {
    const chunks = new Map([...this.dirtyChunks].map((chunk) => [chunk, emptyChunk()]));
    for (const { path, conversions, nulls, value } of this.table.rows()) {
      const chunk = chunks.get(chunkOf(path, this.chunks));
      chunk?.rows.push([indices(path), conversions, nulls, value]);
    }
    return chunks;
  }

  storedCredits(): DayCredits {
    const { channel, campaign, pair } = this.credits;
    return {
      v: 2,
      channel: Object.fromEntries(channel),
      campaign: Object.fromEntries(campaign),
      pair: this.#hasPairs ? Object.fromEntries(pair) : null,
    };
  }
}

/** What has to be stored, with the names that the rest of its subjects is made of. */
export interface CohortChanges {
  /** Days that are kept no longer: what is stored of them can go. */
  readonly forgotten: readonly string[];
  readonly chunks: readonly { readonly day: string; readonly chunk: number; body: PathChunk }[];
  readonly credits: readonly { readonly day: string; readonly body: DayCredits }[];
}

export class Cohorts {
  readonly index: ChannelIndex;
  readonly days = new Map<string, Cohort>();
  readonly #positions = new Map<number, number>();
  /** The commit whose parts are being folded. */
  #open: { readonly partition: number; readonly sequence: number; nextPart: number } | undefined;
  /** Days forgotten since the last takeChanges(). */
  #forgotten: string[] = [];

  /** From a stored head; its chunks and credits are to be loaded next. */
  constructor(head?: ChannelsHead) {
    this.index = new ChannelIndex(head?.channels);
    for (const [partition, sequence] of Object.entries(head?.positions ?? {})) {
      this.#positions.set(Number(partition), sequence);
    }
    for (const [day, chunks] of Object.entries(head?.days ?? {})) this.#day(day).chunks = chunks;
  }

  /** Whether nothing is half folded (H2). */
  get isWhole(): boolean {
    return this.#open === undefined;
  }

  /** Messages that the next takeChanges() makes. */
  get dirtyCount(): number {
    let count = 0;
    for (const { dirtyChunks, areCreditsDirty } of this.days.values()) {
      count += dirtyChunks.size + (areCreditsDirty ? 1 : 0);
    }
    return count;
  }

  /** Takes in what was stored; of a day that the head does not know, nothing. */
  loadChunk(day: string, { rows }: PathChunk): void {
    const cohort = this.days.get(day);
    if (cohort === undefined) return;
    for (const [channels, conversions, nulls, micros] of rows) {
      cohort.addPath(String.fromCharCode(...channels), conversions, nulls, micros);
    }
    cohort.dirtyChunks.clear();
  }

  loadCredits(day: string, { channel, campaign, pair }: DayCredits): void {
    const cohort = this.days.get(day);
    if (cohort === undefined) return;
    for (const [kind, byName] of Object.entries({ channel, campaign, pair: pair ?? {} })) {
      for (const [name, figures] of Object.entries(byName)) {
        cohort.loadCredit(kind as CreditKind, name, figures);
      }
    }
    if (pair === null) cohort.forgoPairs();
    cohort.areCreditsDirty = false;
  }

  /**
   * Folds one message of a journal. O(touches in it).
   *
   * @returns whether it was new (H1).
   */
  fold(entry: PathJournalEntry): boolean {
    const { partition, sequence, part, parts } = entry;
    if (sequence <= (this.#positions.get(partition) ?? 0)) return false;
    const open = this.#open;
    const isFirst = part === 0 && open === undefined;
    const isNext =
      open?.partition === partition && open.sequence === sequence && open.nextPart === part;
    if (!isFirst && !isNext) {
      throw new Error(`H1: part ${part} of commit ${partition}/${sequence} came out of order`);
    }
    const channels = entry.channels.map((name) => this.index.of(name));
    for (const [day, path, conversions, nulls, micros] of entry.paths) {
      const key = String.fromCharCode(...path.map((i) => channels[i] as number));
      this.#addPath(entry.days[day] as string, key, conversions, nulls, micros);
    }
    for (const [day, kind, name, figures] of entry.credits) {
      const cohort = this.#kept(entry.days[day] as string);
      if (!entry.has_pairs) cohort?.forgoPairs();
      cohort?.addCredit(kind, name, figures);
    }
    this.#open = part + 1 < parts ? { partition, sequence, nextPart: part + 1 } : undefined;
    if (part + 1 === parts) this.#positions.set(partition, sequence);
    return true;
  }

  /** What changed since the last call; only while isWhole. */
  takeChanges(): CohortChanges {
    if (!this.isWhole) throw new Error('H2: a commit is half folded');
    const chunks: CohortChanges['chunks'][number][] = [];
    const credits: CohortChanges['credits'][number][] = [];
    for (const [day, cohort] of this.days) {
      if (cohort.dirtyChunks.size > 0) {
        for (const [chunk, body] of cohort.storedChunks()) chunks.push({ day, chunk, body });
      }
      if (cohort.areCreditsDirty) credits.push({ day, body: cohort.storedCredits() });
      cohort.dirtyChunks.clear();
      cohort.areCreditsDirty = false;
    }
    const forgotten = this.#forgotten;
    this.#forgotten = [];
    return { chunks, credits, forgotten };
  }

  /** The head as of now. */
  head(epoch: number): ChannelsHead {
    return {
      v: 1,
      epoch,
      positions: Object.fromEntries(this.#positions),
      channels: [...this.index.names],
      days: Object.fromEntries([...this.days].map(([day, { chunks }]) => [day, chunks])),
    };
  }

  #addPath(day: string, path: string, conversions: number, nulls: number, micros: number): void {
    const cohort = this.#kept(day);
    if (cohort === undefined) return;
    if (cohort.isFull && !cohort.table.has(path)) {
      if (this.#chunks + cohort.chunks > MAX_CHUNKS) {
        const lumped = cohort.table.encode([OTHER_CHANNEL]);
        cohort.addPath(lumped, conversions, nulls, micros);
        return;
      }
      cohort.split();
    }
    cohort.addPath(path, conversions, nulls, micros);
  }

  get #chunks(): number {
    let chunks = 0;
    for (const cohort of this.days.values()) chunks += cohort.chunks;
    return chunks;
  }

  /** A day's cohort; undefined if it has been forgotten, or would be the first to be. */
  #kept(day: string): Cohort | undefined {
    const known = this.days.get(day);
    if (known !== undefined) return known;
    while (this.days.size >= MAX_DAYS || this.#chunks >= MAX_CHUNKS) {
      const oldest = [...this.days.keys()].sort()[0] as string;
      if (day < oldest) return undefined;
      this.days.delete(oldest);
      this.#forgotten.push(oldest);
    }
    return this.#day(day);
  }

  #day(day: string): Cohort {
    const known = this.days.get(day);
    if (known !== undefined) return known;
    const cohort = new Cohort(this.index);
    this.days.set(day, cohort);
    return cohort;
  }
}

function emptyChunk(): PathChunk {
  return { v: 1, rows: [] };
}

/**
 * Spreads paths over chunks: FNV-1a over the touches, and the last mixing of murmur3, without
 * which the low bits would depend on the low bits of channel indices alone.
 */
function chunkOf(path: string, chunks: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) {
    hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % chunks;
}

function indices(path: string): number[] {
  return Array.from({ length: path.length }, (_, i) => path.charCodeAt(i));
}
