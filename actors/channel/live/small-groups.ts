/**
 * Which groups have too few users for marketers to see them by name: their figures are put together
 * with others', and alerts about them are left out.
 *
 * Invariants:
 *   P1 With a least number of users, a group is named only if it had as many on the UTC day of the
 *      watermark or on the day before: at midnight nobody has come yet. The others are put
 *      together, and where these had too few on either day the next smallest group joins them.
 *   P2 An alert is left out exactly if its group is not named.
 */
import type { Alert } from '../../../protocols/alert.ts';
import type { Group, Groups } from './groups.ts';

const DAY_SECONDS = 86_400;

/** Groups that are named, in the order of their coming, and those that are put together. */
export interface Partition {
  readonly named: readonly Group[];
  readonly small: readonly Group[];
}

/** The UTC day since 1970 whose users count: of the last closed second, or the latest there is. */
export function visitorDay({ all }: Groups, openSecond: number | undefined): number {
  if (openSecond === undefined) return Math.max(0, ...all.visitors.keys());
  return Math.floor((openSecond - 1) / DAY_SECONDS);
}

/** Groups by size (P1). O(groups log groups). */
export function partition(groups: readonly Group[], day: number, minUsers: number): Partition {
  const users = new Map(groups.map((group) => [group, usersOn(group, day)]));
  const size = (group: Group): number => Math.max(...(users.get(group) as Users));
  const small = new Set<Group>();
  let [today, yesterday] = [0, 0];
  for (const group of [...groups].sort((a, b) => size(a) - size(b))) {
    const isEnough = small.size === 0 || Math.max(today, yesterday) >= minUsers;
    if (size(group) >= minUsers && isEnough) break;
    small.add(group);
    const own = users.get(group) as Users;
    today += own[0];
    yesterday += own[1];
  }
  return { named: groups.filter((group) => !small.has(group)), small: [...small] };
}

/**
 * Whether alerts about this are left out (P2): its source, or its source and region, is not named.
 * Campaigns and all groups together never are. O(named groups).
 */
export function isLeftOut(
  { source, region }: Alert['scope'],
  sources: Partition,
  pairs: Partition,
): boolean {
  if (source === undefined) return false;
  if (region === undefined) return !sources.named.some((group) => group.source === source);
  return !pairs.named.some((group) => group.source === source && group.region === region);
}

type Users = readonly [today: number, yesterday: number];

function usersOn({ visitors }: Group, day: number): Users {
  return [visitors.get(day) ?? 0, visitors.get(day - 1) ?? 0];
}
