/**
 * Liveness: each process keeps a message alive that the server removes when it is not renewed.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { MEMBERS_ALL, MEMBERS_STREAM, memberSubject } from '../../protocols/subjects.ts';
import type { Membership } from '../ports.ts';
import { linkOf } from './link.ts';

/** A process that has not renewed for this long counts as gone. */
export const MEMBER_TTL_S = 3;
/** How often a process renews. */
export const RENEW_EVERY_MS = 800;
const RENEW_TIMEOUT_MS = 2_000;

/** Joins a group of processes, e.g. all workers, under an id that is one subject token. */
export async function natsMembership(
  nc: NatsConnection,
  group: string,
  id: string,
): Promise<Membership> {
  const jsm = await jetstreamManager(nc);
  const prefix = memberSubject(group, '');
  const subject = memberSubject(group, id);
  const renew = async (): Promise<string[]> => {
    const h = headers();
    h.set('Nats-TTL', `${MEMBER_TTL_S}s`);
    await nc.request(subject, id, { headers: h, timeout: RENEW_TIMEOUT_MS });
    const alive: string[] = [];
    const members = await jsm.direct.getLastMessagesFor(MEMBERS_STREAM, {
      multi_last: [MEMBERS_ALL],
    });
    for await (const member of members) {
      if (member.subject.startsWith(prefix)) alive.push(member.subject.slice(prefix.length));
    }
    return alive.sort();
  };
  return {
    renew: () => linkOf(nc).attempt(renew),
    async leave() {
      await jsm.streams.purge(MEMBERS_STREAM, { filter: subject });
    },
  };
}
