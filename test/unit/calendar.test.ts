/** Days that are not 24 hours and hours that are not whole, one of each kind. */
import { describe, expect, test } from 'vitest';
import { dayWindow, hourWindow, localTime, type TimeWindow } from '../../actors/calendar.ts';

function text({ fromMs, untilMs }: TimeWindow): string {
  const short = (ms: number): string => new Date(ms).toISOString().slice(0, 16);
  return `${short(fromMs)} ${short(untilMs)}`;
}

describe('a day', () => {
  test.each([
    ['of 24 hours', 'Europe/Berlin', '2024-04-08T20:00Z', '2024-04-07T22:00 2024-04-08T22:00'],
    ['of 23 hours', 'Europe/Berlin', '2024-03-31T12:00Z', '2024-03-30T23:00 2024-03-31T22:00'],
    ['of 25 hours', 'Europe/Berlin', '2024-10-27T12:00Z', '2024-10-26T22:00 2024-10-27T23:00'],
    [
      'without midnight',
      'America/Sao_Paulo',
      '2018-11-04T12:00Z',
      '2018-11-04T03:00 2018-11-05T02:00',
    ],
    [
      'with two midnights',
      'America/Havana',
      '2024-11-03T04:30Z',
      '2024-11-03T04:00 2024-11-04T05:00',
    ],
    [
      'of half-hour zones',
      'Asia/Kolkata',
      '2024-04-08T20:00Z',
      '2024-04-08T18:30 2024-04-09T18:30',
    ],
    [
      'before one left out',
      'Pacific/Apia',
      '2011-12-30T09:59Z',
      '2011-12-29T10:00 2011-12-30T10:00',
    ],
    ['begun twice', 'America/St_Johns', '2006-10-29T02:45Z', '2006-10-29T02:30 2006-10-30T03:30'],
  ])('%s', (_what, zone, at, expected) => {
    expect(text(dayWindow(zone, Date.parse(at)))).toBe(expected);
  });
});

describe('an hour', () => {
  test.each([
    [
      'of half-hour zones',
      'Asia/Kolkata',
      '2024-04-08T20:00Z',
      '2024-04-08T19:30 2024-04-08T20:30',
    ],
    ['the first time', 'Europe/Berlin', '2024-10-27T00:30Z', '2024-10-27T00:00 2024-10-27T01:00'],
    ['the second time', 'Europe/Berlin', '2024-10-27T01:30Z', '2024-10-27T01:00 2024-10-27T02:00'],
    ['cut short', 'Australia/Lord_Howe', '2024-04-06T15:05Z', '2024-04-06T15:00 2024-04-06T15:30'],
  ])('%s', (_what, zone, at, expected) => {
    expect(text(hourWindow(zone, Date.parse(at)))).toBe(expected);
  });
});

test('a zone that does not exist is refused', () => {
  expect(() => localTime('Mars/Olympus', 0)).toThrow(RangeError);
});
