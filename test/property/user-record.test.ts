/** Users as they are stored: packed and unpacked they are the same, to the last bit (S1). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { restoreUserActor } from '../../actors/user/actor.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { decodeUser, encodeUser, userRecordSchema } from '../../protocols/user-record.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { eventsOfOneUser, holds } from '../generators.ts';
import { ADA, PartitionLog } from '../partition-log.ts';

const SEQUENCE = 9_007_199_254_740_991 as StreamSequence;

test('any user that a log leads to comes back as it was, to the last bit (S1)', () => {
  holds(
    fc.property(eventsOfOneUser(60), (events) => {
      const actor = new PartitionLog().applyAll(events).actor();
      const text = encodeUser(SEQUENCE, actor.value, actor.context);
      const record: unknown = JSON.parse(text);
      expect(userRecordSchema.parse(record)).toEqual(record);
      const stored = decodeUser(ADA, record);
      expect(stored).toMatchObject({ user: ADA, sequence: SEQUENCE });
      expect(restoreUserActor(stored)).toEqual(actor);
      expect(encodeUser(SEQUENCE, actor.value, restoreUserActor(stored).context)).toBe(text);
    }),
    150,
  );
});

test('numbers of any size survive: evidence and fused state are stored bit by bit', () => {
  const numbers = (length: number) =>
    fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      minLength: length,
      maxLength: length,
    });
  holds(
    fc.property(numbers(18), numbers(6), (evidence, fusion) => {
      const { value, context } = new PartitionLog().actor();
      const state: FusedState = { ...context, evidence, fusion };
      const stored = decodeUser(ADA, JSON.parse(encodeUser(SEQUENCE, value, state)));
      expect(stored.state.evidence).toEqual(evidence);
      expect(stored.state.fusion).toEqual(fusion);
    }),
  );
});

test('names of any kind survive: sessions, topics, channels, orders', () => {
  const name = fc.oneof(
    fc.constantFrom('constructor', 'toString', '7', ' ', '"', '\u2028', '😀'),
    fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text !== '__proto__'),
  );
  holds(
    fc.property(name, name, name, (session, topic, channel) => {
      const { value, context } = new PartitionLog().actor();
      const state: FusedState = {
        ...context,
        duplicates: {
          series: [
            {
              id: session,
              lastMs: 5,
              ranges: [
                [0, 2],
                [4, 4],
              ],
            },
          ],
          recentIds: ['0123456789ab', 'ba9876543210'],
          forgottenThroughMs: 3,
        },
        interests: { [topic]: { weight: 0.25, atMs: 5, declared: true } },
        path: [
          { t: 5, id: '0123456789ab', channel },
          { t: 5, id: '0123456789ac', channel, campaign: topic },
          { t: 6, id: 'ba9876543210', order: channel, micros: 0 },
        ],
        pathLookbackMs: 60_000,
        pathSamplePpm: 250_000,
        orders: [
          { order: session, t: 4, micros: 7, touches: [{ t: 3, channel }], samplePpm: 1_000_000 },
          {
            order: topic,
            t: 4,
            micros: 0,
            touches: [{ t: 3, channel, campaign: topic }],
            samplePpm: 5,
          },
        ],
        refunds: [{ order: channel, t: 9, count: 2, micros: 3, isWhole: true }],
        exposures: [{ campaign: topic, t: 5, decision: 'd_1' }],
      };
      const record: unknown = JSON.parse(encodeUser(SEQUENCE, value, state));
      const { concepts: _, intents: __, ...expected } = state;
      expect(decodeUser(ADA, record).state).toEqual(expected);
    }),
  );
});

test('a busy user still fits in a few kilobytes', () => {
  holds(
    fc.property(eventsOfOneUser(200), (events) => {
      const { value, context } = new PartitionLog().applyAll(events).actor();
      expect(encodeUser(SEQUENCE, value, context).length).toBeLessThan(24 * 1024);
    }),
    20,
  );
});

test('the subject names the user, not the record', () => {
  const { value, context } = new PartitionLog().actor();
  const record: unknown = JSON.parse(encodeUser(SEQUENCE, value, context));
  expect(decodeUser('bob' as UserToken, record).user).toBe('bob');
});
