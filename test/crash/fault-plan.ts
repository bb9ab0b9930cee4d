/**
 * What goes wrong in a crash test and when: a pure function of the seed.
 *
 * F1 With at least as many faults as kinds, every kind occurs.
 * F2 The plan says when a fault comes at the earliest: one whose victim is still down waits for it.
 */
import { pickWeighted, seededRandom } from '../../runtime/simulate/random.ts';

/** Every way to hurt the system, with how often it is drawn once each has had its turn. */
const KINDS = [
  ['worker-kill', 3],
  ['worker-stop', 3],
  ['server-kill', 2],
  ['coordinator-kill', 1],
  ['coordinator-stop', 1],
  ['worker-term', 1],
] as const;
export type FaultKind = (typeof KINDS)[number][0];
export const FAULT_KINDS: readonly FaultKind[] = KINDS.map(([kind]) => kind);

/** How long the victim is away: killed and not restarted, or stopped. Milliseconds, from and to. */
const DOWN_MS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  'worker-kill': [0, 3_000],
  // Longer than the membership's 3 s, so that it wakes up as one whom the others hold for dead.
  'worker-stop': [4_000, 6_000],
  'server-kill': [0, 3_000],
  'coordinator-kill': [0, 3_000],
  'coordinator-stop': [4_000, 6_000],
  'worker-term': [0, 2_000],
};
/** The share of faults that come while the one before is still going on. */
const OVERLAP_SHARE = 0.35;
const OVERLAP_GAP_MS = [0, 1_500] as const;
/** Work has to go on between faults, or there is nothing left to break. */
const QUIET_GAP_MS = [1_000, 4_000] as const;

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Which of its kind, from 0. */
  readonly victim: number;
  readonly downMs: number;
  /** Comes `gapMs` after the one before began; otherwise after everybody is back. */
  readonly overlaps: boolean;
  readonly gapMs: number;
}

/** Plans `count` faults for a system of so many processes of each role. */
export function planFaults(
  seed: number,
  count: number,
  { workers, coordinators }: { readonly workers: number; readonly coordinators: number },
): readonly PlannedFault[] {
  const random = seededRandom(seed);
  const between = ([from, to]: readonly [number, number]): number =>
    Math.round(from + random() * (to - from));
  const kinds = shuffled(FAULT_KINDS, random).slice(0, count);
  while (kinds.length < count) kinds.push(pickWeighted(random, KINDS));
  return shuffled(kinds, random).map((kind, i) => {
    const overlaps = i > 0 && random() < OVERLAP_SHARE;
    const candidates = { worker: workers, coordinator: coordinators, server: 1 }[roleOf(kind)];
    return {
      kind,
      victim: Math.floor(random() * candidates),
      downMs: between(DOWN_MS[kind]),
      overlaps,
      gapMs: between(overlaps ? OVERLAP_GAP_MS : QUIET_GAP_MS),
    };
  });
}

/** Whose fault it is: the first word of the kind. */
export function roleOf(kind: FaultKind): 'worker' | 'coordinator' | 'server' {
  return kind.split('-', 1)[0] as 'worker' | 'coordinator' | 'server';
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const left = [...values];
  const taken: T[] = [];
  while (left.length > 0) {
    const [value] = left.splice(Math.floor(random() * left.length), 1);
    taken.push(value as T);
  }
  return taken;
}
