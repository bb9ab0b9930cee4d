/** What becomes of wins: reported outcomes, conversions, and the prices that they make due. */
import { describe, expect, test } from 'vitest';
import type { Campaign } from '../../protocols/campaign.ts';
import type { Event } from '../../protocols/event.ts';
import type { Settings } from '../../protocols/settings.ts';
import {
  BASE_MS,
  behavior,
  campaignWith,
  common,
  conversion,
  DAY_MS,
  opportunity,
  settingsWith,
} from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const FREELY = { frequency: { max_per_day: 32, min_spacing_s: 0 } };
const RESERVE = 10_000;

/** A log in which campaign `sale` has won once. */
function won(fields: Partial<Campaign> = {}, settings: Partial<Settings> = {}): PartitionLog {
  const log = new PartitionLog();
  log.putSettings(settingsWith(settings));
  log.putCampaign(campaignWith('sale', { ...FREELY, ...fields }), 1_000_000);
  return log.applyAll([opportunity(0, BASE_MS)]);
}

function outcome(n: number, what: string, log: PartitionLog, fields: object = {}): Event {
  const decision_id = log.receipts[0]?.decision.decision_id;
  const named = { decision_id, outcome: what, ...fields };
  return { ...common(n, BASE_MS + n), type: 'outcome', ...named } as Event;
}

describe('outcomes', () => {
  test('count for the campaign that won, each kind once per win, however often reported', () => {
    const log = won();
    log.applyAll([outcome(1, 'shown', log), outcome(2, 'clicked', log), outcome(3, 'shown', log)]);
    expect(log.delivery('sale')).toMatchObject({ shown: 1, clicked: 1, dismissed: 0 });
    expect(log.user().exposures[0]?.seen).toEqual(['shown', 'clicked']);
  });

  test('of another user’s decision, or of a campaign that did not win, count nothing', () => {
    const log = won();
    log.apply(outcome(1, 'clicked', log, { decision_id: 'd_0123456789abcdef' }));
    log.apply(outcome(2, 'clicked', log, { campaign: 'other' }));
    expect(log.delivery('sale').clicked).toBe(0);
    log.apply(outcome(3, 'clicked', log, { campaign: 'sale' }));
    expect(log.delivery('sale').clicked).toBe(1);
  });

  test('of several winners name the first, or the one that they name', () => {
    const log = new PartitionLog();
    log.putSettings(settingsWith({ placements: { home_hero: { slots: 2 } } }));
    log.putCampaign(campaignWith('one', { ...FREELY, bid_micros: 90_000 }), 1_000_000);
    log.putCampaign(campaignWith('two', { ...FREELY, bid_micros: 80_000 }), 1_000_000);
    log.apply(opportunity(0, BASE_MS));
    expect(log.receipts[0]?.decision.orchestration.slots?.map((s) => s.campaign)).toEqual([
      ...['one', 'two'],
    ]);
    log.applyAll([outcome(1, 'shown', log), outcome(2, 'shown', log, { campaign: 'two' })]);
    expect([log.delivery('one').shown, log.delivery('two').shown]).toEqual([1, 1]);
  });
});

describe('what is paid for', () => {
  test.each([
    ['impression', 'shown'],
    ['click', 'clicked'],
  ] as const)('an %s is due when %s is reported, once', (pay_per, what) => {
    const log = won({ pay_per });
    expect(log.delivery('sale')).toMatchObject({ wins: 1, spent_micros: 0 });
    log.apply(outcome(1, 'dismissed', log));
    expect(log.delivery('sale').spent_micros).toBe(0);
    log.applyAll([outcome(2, what, log), outcome(3, what, log)]);
    expect(log.delivery('sale')).toMatchObject({ spent_micros: RESERVE, unbilled_micros: 0 });
  });

  test('an action is due when the user buys after the win, once', () => {
    const log = won({ pay_per: 'action', triggers: [] });
    log.applyAll([outcome(1, 'clicked', log), conversion(2, BASE_MS + 2, 'o1')]);
    log.apply(conversion(3, BASE_MS + 3, 'o2'));
    const { spent_micros, converted } = log.delivery('sale');
    expect({ spent_micros, converted }).toEqual({ spent_micros: RESERVE, converted: 2 });
  });

  test('a price that no grant is left for is given away and counted: no cap is passed', () => {
    const log = won({ pay_per: 'click' });
    const grant = log.delivery('sale').grant;
    if (grant === null) throw new Error('there is a grant');
    log.putGrant('sale', { ...grant, allow_micros: RESERVE - 1 });
    log.apply(outcome(1, 'clicked', log));
    expect(log.delivery('sale')).toMatchObject({ spent_micros: 0, unbilled_micros: RESERVE });
    expect(log.user().exposures[0]?.owes).toBeNull();
  });

  test('it is the partition’s clock that says whether a grant holds, not the event', () => {
    const log = won({ pay_per: 'click' });
    const grant = log.delivery('sale').grant;
    if (grant === null) throw new Error('there is a grant');
    log.putGrant('sale', { ...grant, from_ms: BASE_MS, until_ms: BASE_MS + DAY_MS });
    log.state.tick(BASE_MS + DAY_MS);
    log.apply(outcome(1, 'clicked', log));
    expect(log.delivery('sale')).toMatchObject({ spent_micros: 0, unbilled_micros: RESERVE });
  });
});

describe('conversions', () => {
  test('belong to the last win before them, inside the outcome window', () => {
    const log = won({}, { outcome_window_ms: DAY_MS });
    log.putCampaign(campaignWith('next', { ...FREELY, bid_micros: 900_000 }), 9_000_000);
    log.apply(opportunity(1, BASE_MS + 1_000));
    log.apply(conversion(2, BASE_MS + 500, 'between'));
    log.apply(conversion(3, BASE_MS + 2_000, 'after'));
    log.apply(conversion(4, BASE_MS + 2 * DAY_MS, 'too late'));
    log.apply(conversion(5, BASE_MS - 1, 'before'));
    expect([log.delivery('sale').converted, log.delivery('next').converted]).toEqual([1, 1]);
    expect(log.delivery('sale').value_micros).toBeGreaterThan(0);
  });

  test('are not joined to wins of a user whose measurement is not allowed', () => {
    const log = won();
    const refusal = { measurement: false, personalization: true };
    log.apply({ ...common(1, BASE_MS + 1), type: 'consent', ...refusal } as Event);
    log.apply(conversion(2, BASE_MS + 2, 'o1'));
    expect(log.delivery('sale')).toMatchObject({ converted: 0, value_micros: 0 });
  });

  test('the same order again counts once', () => {
    const log = won();
    log.applyAll([conversion(1, BASE_MS + 1, 'o1'), conversion(2, BASE_MS + 2, 'o1')]);
    expect(log.delivery('sale').converted).toBe(1);
  });
});

test('the user’s clock is that of the latest event that names a zone', () => {
  const log = new PartitionLog();
  const at = (n: number, ms: number, time_zone?: string) =>
    log.apply({ ...behavior(n, BASE_MS + ms), ...(time_zone && { time_zone }) } as Event);
  at(0, 10, 'Europe/Berlin');
  at(1, 20);
  at(2, 5, 'Asia/Tokyo');
  expect(log.user().timeZone).toEqual({ name: 'Europe/Berlin', atMs: BASE_MS + 10 });
  at(3, 30, 'Asia/Tokyo');
  expect(log.user().timeZone?.name).toBe('Asia/Tokyo');
});
