/** Users as they are stored: packed and unpacked they are the same, to the last bit (S1). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { restoreUserActor } from '../../actors/user/actor.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { packLooks } from '../../protocols/looks.ts';
import { decodeUser, encodeUser, userRecordSchema } from '../../protocols/user-record.ts';
import { type FusedState, MAX_LOOKS, MODALITIES } from '../../protocols/user-snapshot.ts';
import { BASE_MS, eventsOfOneUser, holds } from '../generators.ts';
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
      const restored = restoreUserActor(stored, DEFAULT_REFERENCE);
      expect(restored).toEqual(actor);
      expect(encodeUser(SEQUENCE, actor.value, restored.context)).toBe(text);
    }),
    150,
  );
});

/** Numbers of any size, and the many zeros that evidence has. */
const numbers = (length: number) =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(Number.MIN_VALUE, -Number.MIN_VALUE, 2.2e-308) },
      { weight: 1, arbitrary: fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 0.1) },
      {
        weight: 3,
        arbitrary: fc
          .double({ noNaN: true, noDefaultInfinity: true })
          .filter((x) => !Object.is(x, -0)),
      },
    ),
    { minLength: length, maxLength: length },
  );

function bits(values: readonly number[]): string {
  return Buffer.from(Float64Array.from(values).buffer).toString('hex');
}

test('numbers of any size survive: evidence, habit and fused state are stored bit by bit', () => {
  holds(
    fc.property(numbers(36), numbers(2), numbers(6), (evidence, habit, fusion) => {
      const { value, context } = new PartitionLog().actor();
      const [cosine = 0, sine = 0] = habit;
      const state: FusedState = { ...context, evidence, habit: [cosine, sine], fusion };
      const { state: stored } = decodeUser(ADA, JSON.parse(encodeUser(SEQUENCE, value, state)));
      expect(bits(stored.evidence)).toBe(bits(evidence));
      expect(bits(stored.habit)).toBe(bits(habit));
      expect(bits(stored.fusion)).toBe(bits(fusion));
    }),
    500,
  );
});

test('what a record cannot hold never comes up: no number is -0, and none is NaN', () => {
  holds(
    fc.property(eventsOfOneUser(40), (events) => {
      const log = new PartitionLog();
      for (const event of events) {
        log.apply(event);
        const { evidence, habit, fusion } = log.user();
        for (const number of [...evidence, ...habit, ...fusion]) {
          expect(Number.isFinite(number) && !Object.is(number, -0)).toBe(true);
        }
      }
    }),
    150,
  );
});

test('looks survive with whatever they share, and so do orders and interests', () => {
  const hash = fc.oneof(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }));
  const micros = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10 ** 15 }));
  const time = fc.integer({ min: 0, max: BASE_MS });
  const look = fc.record({
    ...{ t: time, item: hash, micros },
    topic: fc.oneof(fc.constant(0), hash),
  });
  const purchases = fc.record({
    ...{ count: fc.integer({ min: 1, max: 99 }), micros },
    ...{ firstMs: time, lastMs: time },
  });
  const drawn = fc.record({
    looks: fc.array(look, { maxLength: MAX_LOOKS }),
    purchases,
    counted: fc.integer({ min: 1, max: 1_000_000 }),
    signedIn: fc.boolean(),
    previousMs: fc.oneof(fc.constant(-1), time),
    interests: fc.dictionary(
      fc.constantFrom('shoes', 'constructor', '7'),
      fc.record({
        weight: fc.double({ min: 0, max: 1e12, noNaN: true }),
        ...{ atMs: time, declared: fc.boolean() },
      }),
    ),
    withheld: fc.subarray([...MODALITIES]),
    forecasts: fc.option(
      fc.record({
        ...{ model: fc.nat(), place: fc.nat(), churn: fc.nat({ max: 9 }) },
        engagement: fc.integer({ min: -1, max: 9 }),
        purchase: fc.array(fc.nat({ max: 9 }), { maxLength: 8 }),
      }),
    ),
  });
  holds(
    fc.property(drawn, ({ withheld, ...changes }) => {
      const { value, context } = new PartitionLog().actor();
      const granted = { measurement: 'granted', personalization: 'granted', atMs: 5 } as const;
      const consent = { ...granted, withheld };
      const looks = packLooks(changes.looks.sort((a, b) => a.t - b.t));
      const state: FusedState = { ...context, ...changes, looks, consent, nowMs: BASE_MS };
      const record: unknown = JSON.parse(encodeUser(SEQUENCE, value, state));
      expect(userRecordSchema.parse(record)).toEqual(record);
      const { concepts: _, intents: __, ...expected } = state;
      expect(decodeUser(ADA, record).state).toEqual(expected);
    }),
    300,
  );
});

test('what is not there takes no room: a user of whom nothing is known', () => {
  const { value, context } = new PartitionLog().actor();
  const record = JSON.parse(encodeUser(SEQUENCE, value, context)) as object;
  for (const name of ['counted', 'numbers', 'looks', 'purchases', 'consent', 'orders']) {
    expect(record).not.toHaveProperty(name);
  }
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
        timeZone: { name: channel, atMs: 7 },
        exposures: [
          { campaign: topic, t: 5, decision: 'd_1', seen: [], owes: null },
          { campaign: topic, t: 6, decision: 'd_1', seen: ['shown', 'dismissed'], owes: null },
          {
            ...{ campaign: topic, t: 6, decision: 'd_2', seen: ['shown'] },
            owes: { on: 'clicked', micros: 0 },
          },
        ],
        trials: [{ campaign: topic, ppm: 3, isControl: true, t: 5, conversions: 2, cents: 9 }],
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
