/** Which worker a partition falls to: a worker that comes or goes moves only its own share. */
import { expect, test } from 'vitest';
import type { Partition } from '../../protocols/ids.ts';
import { ownerOf } from '../../runtime/worker/rendezvous.ts';

const PARTITIONS = Array.from({ length: 64 }, (_, p) => p as Partition);
const WORKERS = ['worker-a1', 'worker-b2', 'worker-c3', 'worker-d4', 'worker-e5'];

function owners(alive: readonly string[]): (string | undefined)[] {
  return PARTITIONS.map((p) => ownerOf(p, alive));
}

test('a worker that leaves moves only its own partitions', () => {
  const before = owners(WORKERS);
  for (const leaver of WORKERS) {
    const after = owners(WORKERS.filter((worker) => worker !== leaver));
    PARTITIONS.forEach((p) => {
      if (before[p] === leaver) expect(after[p]).not.toBe(leaver);
      else expect(after[p]).toBe(before[p]);
    });
  }
});

test('a worker that joins takes partitions from others, and moves none between them', () => {
  const before = owners(WORKERS);
  const after = owners([...WORKERS, 'worker-f6']);
  const moved = PARTITIONS.filter((p) => before[p] !== after[p]);
  expect(moved.length).toBeGreaterThan(0);
  expect(moved.length).toBeLessThan(24);
  for (const p of moved) expect(after[p]).toBe('worker-f6');
});

test('all workers agree, in whichever order they know of each other', () => {
  expect(owners([...WORKERS].reverse())).toEqual(owners(WORKERS));
});

test('every worker gets a share', () => {
  for (const count of [1, 2, 3, 5]) {
    const shares = new Set(owners(WORKERS.slice(0, count)));
    expect(shares.size).toBe(count);
  }
});

test('without workers nobody owns anything', () => {
  expect(ownerOf(0 as Partition, [])).toBeUndefined();
});
