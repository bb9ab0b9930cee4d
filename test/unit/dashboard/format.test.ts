/**
 * Figures as the page shows them, and alerts in words.
 */
import { expect, test } from 'vitest';
import type { Alert } from '../../../protocols/alert.ts';
import {
  alertFigure,
  headlineOf,
  placeOf,
  pressing,
  severityOf,
} from '../../../runtime/dashboard/components/alert-words.ts';
import {
  formatAgo,
  formatCount,
  formatDuration,
  formatMoney,
  formatRate,
  formatShare,
  UNKNOWN,
} from '../../../runtime/dashboard/components/format.ts';
import { routeOf } from '../../../runtime/dashboard/shell/route.ts';

test('money has two decimals below a thousand and none above', () => {
  expect(formatMoney(12_345_678, 'EUR')).toBe('€12.35');
  expect(formatMoney(1_234_567_890, 'EUR')).toBe('€1,235');
  expect(formatMoney(-4_500_000, 'EUR')).toBe('-€4.50');
  expect(formatMoney(30_000_000_000, 'EUR', true)).toBe('€30.0k');
  expect(formatMoney(30_000_000_000_000, 'EUR', true)).toBe('€30.0M');
  expect(formatMoney(1_000_000, 'XTS')).toContain('1.00');
});

test('what is not known is a dash and never NaN', () => {
  const formats = [formatCount, formatDuration, formatRate, formatShare];
  for (const format of formats) {
    for (const figure of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(format(figure)).toBe(UNKNOWN);
    }
  }
  expect(formatMoney(null, 'EUR')).toBe(UNKNOWN);
});

test('a share is 100 % only if nothing is missing', () => {
  expect(formatShare(1)).toBe('100 %');
  expect(formatShare(0.99999)).toBe('99.9 %');
  expect(formatShare(0.99999, 0)).toBe('99 %');
  expect(formatShare(0.0231, 2)).toBe('2.31 %');
  expect(formatShare(0)).toBe('0.0 %');
});

test.each([
  [0.4, '0.4 ms'],
  [350, '350 ms'],
  [4_200, '4.2 s'],
  [96_000, '96.0 s'],
  [214_000, '3 min 34 s'],
  [599_999, '10 min'],
  [2_399_999, '40 min'],
  [3_599_999, '1 h'],
  [11_100_000, '3 h 05 min'],
  [90_000_000, '1 d 01 h'],
])('%d ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('rates and counts keep three figures or more', () => {
  expect([0.5, 12.345, 123.4].map(formatRate)).toEqual(['0.50', '12.3', '123']);
  expect(formatCount(1_284_302)).toBe('1,284,302');
  expect(formatCount(1_284_302, true)).toBe('1.3M');
});

test('an age is in one unit', () => {
  const ages = [0, 12_000, 180_000, 7_200_000, 200_000_000];
  expect(ages.map((age) => formatAgo(0, age))).toEqual([
    ...['now', '12 s ago', '3 min ago', '2 h ago', '2 d ago'],
  ]);
});

function alert(change: Partial<Alert>): Alert {
  return {
    ...{ v: 2, id: 'a', kind: 'event_rate', key: 'k', scope: {}, status: 'open', since_ms: 0 },
    ...{ changed_ms: 0, acknowledged: null, direction: 'low', expected: 8.4, found: 0 },
    ...{ unit: 'events/s', z: -9, cause: 'source_outage', meaning: '', ...change },
  };
}

test('a headline says what is wrong and where', () => {
  const ios = { source: 'ios', region: '(all)' };
  expect(headlineOf(alert({ scope: ios }))).toBe('Outage: nothing from ios');
  expect(headlineOf(alert({ scope: ios, found: 1 }))).toBe('Outage: hardly anything from ios');
  expect(headlineOf(alert({ scope: ios, found: 6 }))).toBe('Far fewer events from ios than usual');
  const all = { source: '(all)', region: '(all)' };
  expect(headlineOf(alert({ scope: all, cause: 'total_outage' }))).toBe('Outage: no events');
  expect(headlineOf(alert({ cause: 'conversion_feed_outage', kind: 'conversions' }))).toBe(
    'No conversions',
  );
  expect(headlineOf(alert({ scope: { campaign: 'X' }, cause: 'runaway_spend' }))).toBe(
    'Runaway spend of campaign X',
  );
  expect(placeOf(alert({ scope: { source: 'web', region: 'EU' } }))).toBe(' from web in EU');
});

test("an alert's figures are in the unit that people use", () => {
  expect(alertFigure(8.4, 'events/s', 'EUR')).toBe('8.40 events/s');
  expect(alertFigure(73_410_000, 'micros', 'EUR')).toBe('€73.41');
  expect(alertFigure(252.5, 'units/minute', 'EUR')).toBe('€252.50 a minute');
  expect(alertFigure(0.871, 'received/sent', 'EUR')).toBe('87.1 %');
  expect(alertFigure(41, 's', 'EUR')).toBe('41.0 s');
  expect(alertFigure(3, 'a minute', 'EUR')).toBe('3 a minute');
});

test('an outage that nobody has seen stands above a surge and above what is acknowledged', () => {
  const alerts = [
    alert({ id: 'surge', cause: 'viral_trend' }),
    alert({ id: 'seen', cause: 'total_outage', status: 'acknowledged' }),
    alert({ id: 'over', cause: 'total_outage', status: 'resolved' }),
    alert({ id: 'outage' }),
  ];
  expect(pressing(alerts).map(({ id }) => id)).toEqual(['outage', 'surge', 'seen']);
  expect(alerts.map(severityOf)).toEqual(['warn', 'bad', 'bad', 'bad']);
});

test('the address names the view and the user', () => {
  expect(routeOf('')).toEqual({ view: 'marketing' });
  expect(routeOf('#/nonsense')).toEqual({ view: 'marketing' });
  expect(routeOf('#/operations')).toEqual({ view: 'operations' });
  expect(routeOf('#/users')).toEqual({ view: 'users' });
  expect(routeOf('#/users/a%2Fb')).toEqual({ view: 'users', user: 'a/b' });
  expect(routeOf('#/users/100%')).toEqual({ view: 'users', user: '100%' });
});
