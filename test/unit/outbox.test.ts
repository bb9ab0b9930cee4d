/**
 * What waits for a slow reader, and what server-sent events look like.
 */
import { expect, test } from 'vitest';
import { eventBytes, Outbox } from '../../runtime/gateway/outbox.ts';

function frame(event: string, text: string, key = '', keep = 1) {
  return { event, key, keep, bytes: Buffer.from(text) };
}

function drain(outbox: Outbox): string[] {
  const taken: string[] = [];
  for (let next = outbox.take(); next !== undefined; next = outbox.take()) {
    taken.push(next.toString());
  }
  return taken;
}

test('of a feed only the newest frame waits', () => {
  const outbox = new Outbox();
  for (const text of ['1', '2', '3']) outbox.put(frame('pulse', text));
  outbox.put(frame('beat', 'beat'));
  expect(drain(outbox)).toEqual(['3', 'beat']);
  expect(outbox.take()).toBeUndefined();
});

test('a frame takes the place of the one with its key, or of the oldest', () => {
  const outbox = new Outbox();
  for (const key of ['a', 'b', 'a', 'c', 'd']) outbox.put(frame('worker', `new ${key}`, key, 3));
  expect(drain(outbox)).toEqual(['new b', 'new c', 'new d']);
});

test('a feed of which much waits keeps no other from its turn', () => {
  const outbox = new Outbox();
  for (const key of ['1', '2', '3']) outbox.put(frame('campaigns', key, key, 3));
  outbox.put(frame('pulse', 'pulse'));
  expect(drain(outbox)).toEqual(['1', 'pulse', '2', '3']);
});

test('JSON over several lines stays one event of one line', () => {
  const json = JSON.stringify({ text: 'ä\n\u2028', data: [1] }, null, 2).replaceAll('\n', '\r\n');
  const text = eventBytes('frame', Buffer.from(json)).toString();
  const [, event, data] = /^event: (\w+)\ndata: ([^\r\n]*)\n\n$/.exec(text) ?? [];
  expect(event).toBe('frame');
  expect(JSON.parse(data ?? '')).toEqual(JSON.parse(json));
});
