/** A partition's side of grants: when it may spend, how much, and what a later grant changes. */
import { describe, expect, test } from 'vitest';
import { emptyDelivery } from '../../actors/partition/empty-cells.ts';
import { leftMicros, pay, takeGrant } from '../../actors/partition/spending.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Grant } from '../../protocols/grant.ts';

const NOON = 43_200_000;
const HOUR = 3_600_000;

function grantOf(fields: Partial<Grant> = {}): Grant {
  const window = { from_ms: NOON, until_ms: NOON + HOUR, day_from_ms: 0 };
  return { ...window, allow_micros: 100, limited_by: 'total', ...fields };
}

function granted(...grants: readonly Grant[]): DeliveryCell {
  const delivery = emptyDelivery();
  grants.forEach((grant, i) => {
    takeGrant(delivery, grant, i + 1);
  });
  return delivery;
}

describe('a grant holds in its window only', () => {
  test('from its first millisecond to before its last', () => {
    const delivery = granted(grantOf());
    const lefts = [NOON - 1, NOON, NOON + HOUR - 1, NOON + HOUR].map((at) => {
      return leftMicros(delivery, at);
    });
    expect(lefts).toEqual([undefined, 100, 100, undefined]);
    expect(pay(delivery, NOON + HOUR, 1)).toBe(false);
    expect(leftMicros(emptyDelivery(), NOON)).toBeUndefined();
  });

  test('what is spent counts for the window, the day and for good', () => {
    const delivery = granted(grantOf());
    expect([pay(delivery, NOON, 60), pay(delivery, NOON, 41), pay(delivery, NOON, 40)]).toEqual([
      ...[true, false, true],
    ]);
    expect(delivery).toMatchObject({ spent_micros: 100, window_micros: 100, day_micros: 100 });
  });
});

describe('a later grant', () => {
  test('of the same window replaces the allowance, up or down, but not below what is spent', () => {
    const delivery = granted(grantOf());
    pay(delivery, NOON, 60);
    takeGrant(delivery, grantOf({ allow_micros: 20 }), 2);
    expect(delivery.grant?.allow_micros).toBe(60);
    expect(pay(delivery, NOON, 1)).toBe(false);
    takeGrant(delivery, grantOf({ allow_micros: 75 }), 3);
    expect(pay(delivery, NOON, 15)).toBe(true);
    expect(delivery).toMatchObject({ grant_version: 3, spent_micros: 75, window_micros: 75 });
  });

  test('of another window starts at nothing; what was left is void; the day goes on', () => {
    const delivery = granted(grantOf());
    pay(delivery, NOON, 60);
    const next = { from_ms: NOON + HOUR, until_ms: NOON + 2 * HOUR, allow_micros: 30 };
    takeGrant(delivery, grantOf(next), 2);
    expect(pay(delivery, NOON + HOUR, 31)).toBe(false);
    expect(pay(delivery, NOON + HOUR, 30)).toBe(true);
    expect(delivery).toMatchObject({ spent_micros: 90, window_micros: 30, day_micros: 90 });
    takeGrant(
      delivery,
      grantOf({ from_ms: 2 * NOON, until_ms: 3 * NOON, day_from_ms: 2 * NOON }),
      3,
    );
    expect(delivery).toMatchObject({ spent_micros: 90, window_micros: 0, day_micros: 0 });
  });
});
