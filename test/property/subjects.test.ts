/** Subjects: what is built is parsed back, and nobody outside can name a subject of the engine. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_EVENT_BYTES } from '../../protocols/event.ts';
import {
  encodeUserId,
  type Partition,
  type StreamSequence,
  type UserId,
  userIdProblem,
} from '../../protocols/ids.ts';
import {
  cellSubject,
  checkpointSubject,
  controlSubject,
  deadLetterSubject,
  parseLogSubject,
  parseStateSubject,
  partitionOf,
  replySubject,
  userSubject,
} from '../../protocols/subjects.ts';
import { holds } from '../generators.ts';

const partition = fc.nat({ max: 63 }) as fc.Arbitrary<Partition>;
const user = fc
  .string({ minLength: 1, maxLength: 30, unit: 'grapheme' })
  .filter((id) => userIdProblem(id) === undefined)
  .map((id) => encodeUserId(id as UserId));
const cellName = fc.oneof(
  fc.constantFrom('traffic', 'reference', 'paths.20240408'),
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/).map((id) => `campaign.${id}`),
);

test('a stored event and a control message are told apart, with their partition and user', () => {
  holds(
    fc.property(partition, user, (p, token) => {
      const event = { kind: 'event', partition: p, token };
      expect(parseLogSubject(`events.${p}.${token}`)).toEqual(event);
      expect(parseLogSubject(controlSubject(p))).toEqual({ kind: 'control', partition: p });
    }),
  );
});

test('every subject of the state says what it holds', () => {
  holds(
    fc.property(partition, user, cellName, (p, token, name) => {
      const checkpoint = { kind: 'checkpoint', partition: p };
      expect(parseStateSubject(checkpointSubject(p))).toEqual(checkpoint);
      const snapshot = { kind: 'user', partition: p, user: token };
      expect(parseStateSubject(userSubject(p, token))).toEqual(snapshot);
      const cell = { kind: 'cell', partition: p, name };
      expect(parseStateSubject(cellSubject(p, name))).toEqual(cell);
    }),
  );
});

test.each([
  '',
  'events',
  'events.1',
  'events.x.ada',
  'events..ada',
  'ingest.ada',
  'state.1.user.ada',
  'control.x',
])('%j is no subject of the log', (subject) => {
  expect(parseLogSubject(subject)).toBeUndefined();
});

test.each(['', 'state', 'state.1', 'state.x.checkpoint', 'state.1.other', 'events.1.ada'])(
  '%j is no subject of the state',
  (subject) => {
    expect(parseStateSubject(subject)).toBeUndefined();
  },
);

test('a dead letter is found by partition and sequence', () => {
  expect(deadLetterSubject(3 as Partition, 12 as StreamSequence)).toBe('deadletter.3.12');
});

test('every user falls to one of the partitions, and users spread over all of them', () => {
  holds(
    fc.property(user, fc.integer({ min: 1, max: 64 }), (token, partitions) => {
      const p = partitionOf(token, partitions);
      expect(Number.isInteger(p) && p >= 0 && p < partitions).toBe(true);
    }),
  );
  const sizes = new Array<number>(8).fill(0);
  for (let n = 0; n < 8_000; n++) {
    const p = partitionOf(encodeUserId(`visitor-${n}` as UserId), 8);
    sizes[p] = (sizes[p] ?? 0) + 1;
  }
  for (const size of sizes) expect(Math.abs(size - 1_000)).toBeLessThan(150);
});

test('whatever a reply header says, answers go to replies.<gateway>.<request> or nowhere', () => {
  const header = fc.oneof(
    fc.string({ maxLength: 140, unit: 'binary' }),
    fc.string({ maxLength: 40, unit: fc.constantFrom('.', '*', '>', 'a', '\n', ' ', '$', '-') }),
    fc.tuple(user, user).map((tokens) => tokens.join('.')),
    fc.constantFrom('state.1', 'a.b\n', '\na.b', 'a.b.c', `a.${'b'.repeat(65)}`, 'a.', '.b'),
  );
  holds(
    fc.property(header, (value) => {
      const subject = replySubject(value);
      if (subject !== undefined)
        expect(subject).toMatch(/^replies\.[\w-]{1,64}\.[\w-]{1,64}(?!\n)$/);
    }),
    2_000,
  );
  expect(replySubject('gw-1.r_42')).toBe('replies.gw-1.r_42');
  expect(replySubject('gw-1.r_42\n')).toBeUndefined();
  expect(replySubject('x'.repeat(MAX_EVENT_BYTES))).toBeUndefined();
});
