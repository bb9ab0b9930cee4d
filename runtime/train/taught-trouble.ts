/**
 * Puts trouble into real click logs: no public data set carries rage taps or errors, so the
 * concept of frustration is taught what they mean. Trouble comes and goes as a two-state chain;
 * while it lasts, events carry rage taps or errors. It has no bearing on what people do next, so
 * nothing but frustration is learnt from these logs, and no claim on real trouble follows.
 */
import type { Event } from '../../protocols/event.ts';
import { seededRandom } from '../simulate/random.ts';
import type { UserLog } from './data/user-log.ts';

const SEED = 20_260_401;
/** Chances per event that trouble begins, goes on, shows, and shows where there is none. */
const BEGINS = 0.05;
const GOES_ON = 0.75;
const SHOWS = 0.7;
const SEEMS = 0.02;

/** The same logs with trouble put in. */
export function troubledLogs(logs: readonly UserLog[]): UserLog[] {
  const random = seededRandom(SEED);
  return logs.map(({ user, events }) => {
    let isTrouble = false;
    const troubled = events.map((event): Event => {
      isTrouble = random() < (isTrouble ? GOES_ON : BEGINS);
      if (random() >= (isTrouble ? SHOWS : SEEMS) || event.type !== 'behavior') return event;
      const count = 2 + Math.floor(random() * 4);
      const sign = random() < 0.5 ? { rage_taps: count } : { errors: count };
      return { ...event, vectors: { ...event.vectors, ...sign } };
    });
    return { user: `troubled ${user}`, events: troubled };
  });
}
