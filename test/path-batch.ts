/**
 * Paths and transition counts from scratch, for tests: all of a user's items at once, sorted and
 * split as docs/semantics.md says, in another way than the actors do it.
 */
import { EVERYBODY_PPM } from '../protocols/cohort.ts';
import type { PathConversion, PathItem, PathTouch } from '../protocols/user-snapshot.ts';
import { PathTally } from './path-tally.ts';

const MAX_TOUCHES = 128;

/** Touches that belong together, and the conversion that ended them if one did. */
interface Group {
  readonly touches: readonly PathTouch[];
  readonly conversion: PathConversion | undefined;
}

export interface Batch {
  readonly figures: Record<string, number>;
  readonly touchesOutsideWindow: number;
  readonly conversionsWithoutPath: number;
}

/**
 * The figures of a user's items, in whatever order they are given.
 *
 * @param taken conversions that were taken back after they had settled: their paths end in null.
 */
export function batchOf(
  items: readonly PathItem[],
  lookbackMs: number,
  taken: ReadonlySet<PathItem> = new Set(),
): Batch {
  const tally = new PathTally();
  let touchesOutsideWindow = 0;
  let conversionsWithoutPath = 0;
  for (const { touches, conversion } of groupsOf(sorted(items), lookbackMs)) {
    const endMs = conversion?.t ?? touches.at(-1)?.t ?? 0;
    const inside = touches.slice(-MAX_TOUCHES).filter(({ t }) => t > endMs - lookbackMs);
    touchesOutsideWindow += touches.length - inside.length;
    const isTaken = conversion !== undefined && taken.has(conversion);
    const left = isTaken ? undefined : conversion;
    if (inside.length > 0)
      tally.path({ touches: inside, conversion: left, samplePpm: EVERYBODY_PPM }, 1);
    else if (left !== undefined) conversionsWithoutPath++;
  }
  return { figures: tally.figures(), touchesOutsideWindow, conversionsWithoutPath };
}

function isConversion(item: PathItem): item is PathConversion {
  return 'order' in item;
}

function sorted(items: readonly PathItem[]): PathItem[] {
  const key = (item: PathItem): string =>
    `${String(item.t).padStart(16, '0')} ${isConversion(item) ? 1 : 0} ${item.id}`;
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function groupsOf(items: readonly PathItem[], lookbackMs: number): Group[] {
  const groups: Group[] = [];
  let rest = items;
  while (rest.length > 0) {
    const end = rest.findIndex((item, i) => {
      const next = rest[i + 1];
      return isConversion(item) || next === undefined || next.t - item.t > lookbackMs;
    });
    const group = rest.slice(0, end + 1);
    const last = group[end] as PathItem;
    const touches = group.filter((item): item is PathTouch => !isConversion(item));
    groups.push({ touches, conversion: isConversion(last) ? last : undefined });
    rest = rest.slice(end + 1);
  }
  return groups;
}
