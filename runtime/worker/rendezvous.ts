/**
 * Which worker a partition falls to: rendezvous hashing, so that a worker that comes or goes moves
 * only its own share.
 */
import { hash64 } from '../../actors/hash.ts';
import type { Partition } from '../../protocols/ids.ts';

/** The live worker with the highest hash for the partition; undefined if nobody is alive. */
export function ownerOf(partition: Partition, alive: readonly string[]): string | undefined {
  let owner: string | undefined;
  let highest = '';
  for (const worker of alive) {
    const rank = hash64(`${worker}/${partition}`);
    if (rank > highest) {
      highest = rank;
      owner = worker;
    }
  }
  return owner;
}
