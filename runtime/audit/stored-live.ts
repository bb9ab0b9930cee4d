/**
 * The live figures that are stored: what the live actor has folded, and the pulses that it has not.
 */
import {
  type LiveHead,
  liveGroupsSchema,
  liveHeadSchema,
  liveMovesSchema,
  liveSeriesSchema,
  type StoredSketch,
} from '../../protocols/live-snapshot.ts';
import { type Pulse, pulseSchema } from '../../protocols/pulse.ts';
import { LIVE_HEAD } from '../../protocols/subjects.ts';
import { LiveTally } from './live-tally.ts';
import { readerOf, type StoredView } from './stored-view.ts';

const readHead = readerOf('liveHead', liveHeadSchema);
const readGroups = readerOf('liveGroups', liveGroupsSchema);
const readSeries = readerOf('liveSeries', liveSeriesSchema);
const readMoves = readerOf('liveMoves', liveMovesSchema);
const readPulse = readerOf('pulse', pulseSchema);

/** Who moved on a UTC day: how many, and how long those took of whom it is known. */
export interface StoredMoves {
  readonly count: number;
  readonly sketch: StoredSketch;
}

export interface StoredLive {
  /** By partition, the last place in its log whose pulse is folded. */
  readonly positions: Readonly<Record<string, number>>;
  /** Days of which moves are kept, the oldest first. */
  readonly days: readonly string[];
  /** Groups and campaigns that are folded. */
  readonly folded: LiveTally;
  /** All moves that are folded, by from * 6 + to, as FUNNEL_STATES counts them. */
  readonly moveCounts: readonly number[];
  /** Those of the days that are kept, by day, from and to. */
  readonly moves: ReadonlyMap<string, StoredMoves>;
  /** By partition, the pulses that are not. */
  readonly unfolded: ReadonlyMap<number, LiveTally>;
}

/** Takes all of it out of the store. */
export function takeStoredLive(stored: StoredView): StoredLive {
  const head = stored.take(LIVE_HEAD, readHead);
  const positions = head?.positions ?? {};
  const folded = new LiveTally('day');
  const moves = new Map<string, StoredMoves>();
  const unfolded = new Map<number, LiveTally>();
  for (const subject of [...stored.subjects]) {
    const [first, kind, key = ''] = subject.split('.');
    if (first === 'pulse') {
      const pulse = stored.take(subject, readPulse);
      if (pulse !== undefined && !isFolded(pulse, positions)) addUnfolded(unfolded, pulse);
    } else if (first === 'live' && kind === 'series') stored.take(subject, readSeries);
    else if (first === 'live' && kind === 'groups') {
      const part = stored.take(subject, readGroups);
      // Of a part that the head does not know nothing is left.
      if (part === undefined || !isPart(key, head)) continue;
      for (const { source, region, total } of part.groups) folded.group(0, source, region, total);
      for (const { campaign, total } of part.campaigns) {
        const [micros = 0, wins = 0] = total;
        folded.campaign(0, campaign, micros, wins);
      }
    } else if (first === 'live' && kind === 'moves') {
      const day = stored.take(subject, readMoves);
      if (day === undefined || head?.days.includes(key) !== true) continue;
      for (const [way, each] of Object.entries(day.moves)) {
        moves.set(JSON.stringify([key, ...way.split('>')]), each);
      }
    }
  }
  const { days = [], moves: { total: moveCounts } = { total: [] } } = head ?? {};
  return { positions, days, folded, moveCounts, moves, unfolded };
}

function isFolded({ partition, sequence }: Pulse, positions: StoredLive['positions']): boolean {
  return sequence <= (positions[String(partition)] ?? 0);
}

function isPart(part: string, head: LiveHead | undefined): boolean {
  return Number(part) < (head?.parts.groups ?? 0);
}

function addUnfolded(unfolded: Map<number, LiveTally>, pulse: Pulse): void {
  const tally = unfolded.get(pulse.partition) ?? new LiveTally('second');
  unfolded.set(pulse.partition, tally);
  tally.pulse(pulse);
}
