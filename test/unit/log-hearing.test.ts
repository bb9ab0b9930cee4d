/** Whether a follower of the log knows that it has got everything. */
import { expect, test } from 'vitest';
import { LogHearing, MAX_SILENCE_MS, SETTLE_MS } from '../../runtime/nats/log-hearing.ts';

const HEARTBEAT_MS = 750;

function clocked(behind = 0) {
  let nowMs = 10_000;
  const hearing = new LogHearing(behind, () => nowMs);
  const wait = (ms: number): void => {
    nowMs += ms;
  };
  return {
    hearing,
    wait,
    /** The server sends heartbeats for a while. */
    beat(times: number, sent = 0): void {
      for (let i = 0; i < times; i++) {
        wait(HEARTBEAT_MS);
        hearing.heartbeat(sent);
      }
    },
  };
}

test('an empty log is current as long as heartbeats come', () => {
  const { hearing, beat } = clocked();
  for (let i = 0; i < 10; i++) {
    beat(2);
    expect(hearing.isCurrent).toBe(true);
  }
});

test('a log with records that are yet to come is not current before the last one is there', () => {
  const { hearing, beat } = clocked(3);
  beat(4);
  expect(hearing.isCurrent).toBe(false);
  hearing.record(1, 2);
  hearing.record(2, 1);
  expect(hearing.isCurrent).toBe(false);
  hearing.record(3, 0);
  expect(hearing.isCurrent).toBe(true);
});

test('without heartbeats it is not current any more', () => {
  const { hearing, beat, wait } = clocked();
  beat(2);
  wait(MAX_SILENCE_MS);
  expect(hearing.isCurrent).toBe(true);
  wait(1);
  expect(hearing.isCurrent).toBe(false);
});

test('after a silence it is not current before what was held back had time to arrive', () => {
  const { hearing, beat, wait } = clocked();
  beat(2);
  wait(MAX_SILENCE_MS + 500);
  hearing.heartbeat(0);
  expect(hearing.isCurrent).toBe(false);
  wait(SETTLE_MS - 1);
  expect(hearing.isCurrent).toBe(false);
  wait(1);
  expect(hearing.isCurrent).toBe(true);
});

test('records that a heartbeat counts and that never came keep it from being current', () => {
  const { hearing, beat } = clocked();
  hearing.record(1, 0);
  beat(4, 2);
  expect(hearing.isCurrent).toBe(false);
  // The consumer is made anew, and sends the lost record again.
  hearing.recreated();
  hearing.record(1, 0);
  beat(2, 1);
  expect(hearing.isCurrent).toBe(true);
});

test('a consumer that was made anew counts from one again: a record lost of it is noticed', () => {
  const { hearing, beat } = clocked();
  for (let i = 1; i <= 57; i++) hearing.record(i, 0);
  hearing.recreated();
  beat(4, 2);
  expect(hearing.isCurrent).toBe(false);
});

test('the end of a request for records counts as a heartbeat', () => {
  const { hearing, beat, wait } = clocked();
  beat(3);
  wait(HEARTBEAT_MS);
  hearing.answered();
  wait(MAX_SILENCE_MS);
  expect(hearing.isCurrent).toBe(true);
});
