/** A partition's step by example: what each event leads to, and what reference data does. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { decisionIdOf } from '../../actors/partition/decide.ts';
import type { ChannelsCell } from '../../protocols/cells.ts';
import { MAX_EXPOSURES } from '../../protocols/courtesy.ts';
import { MAX_RECEIPT_CANDIDATES } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import { FOREVER_MS } from '../../protocols/grant.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import {
  BASE_MS,
  behavior,
  campaignWith,
  click,
  common,
  conversion,
  DAY_MS,
  HOUR_MS,
  opportunity,
  refund,
  settingsWith,
} from '../generators.ts';
import { ADA, PartitionLog } from '../partition-log.ts';

const SALE = campaignWith('sale', { frequency: { max_per_day: 32, min_spacing_s: 0 } });

function withSale(granted = 10_000_000): PartitionLog {
  const log = new PartitionLog();
  log.putCampaign(SALE, granted);
  return log;
}

describe('what is not taken', () => {
  test('a conversion in another currency is refused, and may be sent again corrected', () => {
    const log = new PartitionLog();
    const euros = { ...conversion(0, BASE_MS, 'o1'), currency: 'EUR' } as Event;
    expect(log.apply(euros)).toEqual({
      verdict: 'rejected',
      rejection: {
        field: 'currency',
        expected: '"USD", the reporting currency',
        found: '"EUR"',
        hint: 'convert the value before sending it',
      },
    });
    expect(log.user().events).toBe(0);
    expect(log.apply(conversion(0, BASE_MS, 'o1')).verdict).toBe('accepted');
    expect(log.traffic()).toMatchObject({ accepted: 1, rejected: 1, conversions: 1 });
  });

  test('the same event again is a duplicate, with a reason', () => {
    const log = new PartitionLog().applyAll([click(3, BASE_MS, 'email')]);
    expect(log.apply(click(3, BASE_MS, 'email'))).toEqual({
      verdict: 'duplicate',
      reason: 'session_index 3 was seen before',
    });
    expect(log.user().path).toHaveLength(1);
  });

  test('an order that was counted is not counted again under another event', () => {
    const log = new PartitionLog().applyAll([click(0, BASE_MS, 'a'), conversion(1, BASE_MS, 'o1')]);
    const again = log.apply(conversion(2, BASE_MS + 1, 'o1', 99));
    expect(again).toMatchObject({ verdict: 'duplicate', reason: 'order_id o1 was seen before' });
    expect(log.traffic()).toMatchObject({ conversions: 1, value_micros: 10_000_000 });
    // Not even after a refund took the order off the path.
    log.apply(refund(3, BASE_MS + 2, 'o1'));
    expect(log.apply(conversion(2, BASE_MS + 1, 'o1', 99)).verdict).toBe('duplicate');
  });
});

describe('what is counted', () => {
  test('touches and their cost, by channel and UTC day of the event', () => {
    const log = new PartitionLog().applyAll([
      { ...click(0, BASE_MS, 'email'), cost: 0.1 } as Event,
      { ...click(1, BASE_MS + 1, 'email'), cost: 0.2 } as Event,
      { ...click(2, BASE_MS + 2, 'constructor'), type: 'impression' } as Event,
      click(3, BASE_MS + DAY_MS, 'email'),
    ]);
    const counts = (impressions: number, clicks: number, cost_micros: number) => ({
      ...{ impressions, clicks, cost_micros },
    });
    expect((log.cells().get('channels.20240408') as ChannelsCell).channels).toEqual({
      email: counts(0, 2, 300_000),
      constructor: counts(1, 0, 0),
    });
    expect((log.cells().get('channels.20240409') as ChannelsCell).channels).toEqual({
      email: counts(0, 1, 0),
    });
  });

  test('a thousand channels of a day keep their names; other touches count together', () => {
    const log = new PartitionLog();
    for (let n = 0; n < 1_010; n++) log.apply(click(n, BASE_MS + n, `channel ${n}`));
    const { channels } = log.cells().get('channels.20240408') as ChannelsCell;
    expect(Object.keys(channels)).toHaveLength(1_001);
    expect(channels['(other)']).toEqual({ impressions: 0, clicks: 10, cost_micros: 0 });
  });

  test('channels of any name, even of what every object has', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', '7', 'valueOf'];
    const log = new PartitionLog().applyAll(names.map((name, n) => click(n, BASE_MS + n, name)));
    expect(log.paths()).toEqual({ [`20240408 ${names.join(' > ')}`]: [0, 1, 0] });
  });

  test('refunds: what was taken back, and what matched nothing', () => {
    const log = new PartitionLog().applyAll([
      click(0, BASE_MS, 'a'),
      conversion(1, BASE_MS + 1, 'o1', 20),
      refund(2, BASE_MS + 2, 'o1', 5),
      refund(3, BASE_MS + 3, 'o9', 7),
      refund(4, BASE_MS + 4, 'o9'),
    ]);
    expect(log.traffic()).toMatchObject({
      ...{ value_micros: 20_000_000, refunded_micros: 12_000_000, refunds_unmatched: 2 },
    });
    expect(log.paths()).toEqual({ '20240408 a': [1, 0, 15_000_000] });
  });
});

describe('what is decided', () => {
  test('an opportunity is answered even if no campaign qualifies, and the receipt says why', () => {
    const log = withSale(0).applyAll([opportunity(0, BASE_MS)]);
    expect(log.receipts).toMatchObject([
      {
        decision: { orchestration: { winner_campaign: null, trigger_type: null } },
        excluded: { budget: 1 },
        wins: [],
        event: { type: 'opportunity', placement: 'home_hero' },
      },
    ]);
    expect(log.traffic()).toMatchObject({ decisions: 1, wins: 0 });
  });

  test('so is any event that asks for a decision; others only if a campaign wins', () => {
    const asked = { ...common(0, BASE_MS), type: 'preference', decide: true } as Event;
    expect(new PartitionLog().applyAll([asked]).receipts).toHaveLength(1);
    expect(new PartitionLog().applyAll([behavior(0, BASE_MS)]).receipts).toEqual([]);
    expect(withSale(0).applyAll([behavior(0, BASE_MS)]).receipts).toEqual([]);
    expect(withSale().applyAll([behavior(0, BASE_MS)]).receipts).toHaveLength(1);
    const quiet = { ...common(0, BASE_MS), type: 'preference' } as Event;
    expect(withSale().applyAll([quiet]).receipts).toEqual([]);
  });

  test('the winner is charged its price, and the win is remembered', () => {
    const log = withSale().applyAll([opportunity(0, BASE_MS)]);
    const [receipt] = log.receipts;
    const price_micros = DEFAULT_SETTINGS.reserve_micros;
    expect(receipt?.wins).toEqual([{ campaign: 'sale', price_micros, price_setter: 'reserve' }]);
    expect(log.delivery('sale')).toMatchObject({ wins: 1, spent_micros: price_micros });
    const decision = receipt?.decision.decision_id;
    expect(log.user().exposures).toEqual([
      { campaign: 'sale', t: BASE_MS, decision, seen: [], owes: null },
    ]);
    expect(log.user().lastDecision).toBe(decision);
  });

  test('the id of a decision follows from user and event, however the event is spelt', () => {
    const id = '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102';
    const log = withSale().applyAll([{ ...opportunity(0, BASE_MS), event_id: id }]);
    expect(log.receipts[0]?.decision.decision_id).toBe(decisionIdOf(ADA, id));
    expect(decisionIdOf(ADA, id.toUpperCase())).toBe(decisionIdOf(ADA, id));
    expect(decisionIdOf(ADA, id)).toMatch(/^d_[0-9a-f]{16}$/);
  });

  test('wins are remembered up to a bound, the last ones', () => {
    const log = withSale();
    for (let n = 0; n < MAX_EXPOSURES + 8; n++) log.apply(opportunity(n, BASE_MS + n * HOUR_MS));
    expect(log.user().exposures).toHaveLength(MAX_EXPOSURES);
    expect(log.user().exposures[0]?.t).toBe(BASE_MS + 8 * HOUR_MS);
  });

  test('a receipt lists bidders first, counts all exclusions, and stays within its bound', () => {
    const log = new PartitionLog();
    for (let n = 0; n < 100; n++) log.putCampaign(campaignWith(`c${n}`), n < 3 ? 1_000_000 : 0);
    log.apply(opportunity(0, BASE_MS));
    const [receipt] = log.receipts;
    expect(receipt?.candidates).toHaveLength(MAX_RECEIPT_CANDIDATES);
    expect(receipt?.candidates.slice(0, 4).map(({ excluded }) => excluded)).toEqual([
      ...[undefined, undefined, undefined, 'budget'],
    ]);
    expect(receipt?.excluded).toEqual({ budget: 97 });
  });
});

describe('reference data comes through the log', () => {
  test('settings hold from their message on', () => {
    const log = new PartitionLog();
    const euros = { ...conversion(0, BASE_MS, 'o1'), currency: 'EUR' } as Event;
    log.putSettings(settingsWith({ currency: 'EUR' }));
    expect(log.apply(euros).verdict).toBe('accepted');
    expect(log.apply(conversion(1, BASE_MS, 'o2')).verdict).toBe('rejected');
  });

  test('an older or equal version changes nothing, so repeating a message is harmless', () => {
    const { state } = withSale();
    const paused = { v: 2, type: 'campaign.put', campaign: SALE, status: 'paused' } as const;
    state.control({ ...paused, version: 1 });
    expect(state.campaigns.get('sale')?.status).toBe('live');
    state.control({ ...paused, version: 2 });
    state.control({ ...paused, version: 2, status: 'live' });
    expect(state.campaigns.get('sale')?.status).toBe('paused');
    const settings = settingsWith({ currency: 'EUR' });
    state.control({ v: 2, type: 'settings.put', version: 5, settings });
    state.control({ v: 2, type: 'settings.put', version: 5, settings: DEFAULT_SETTINGS });
    expect(state.reference).toMatchObject({ settings_version: 5, settings });
  });

  test('an older grants message is ignored', () => {
    const { state } = withSale(100);
    const always = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0 };
    const grants = (version: number, allow_micros: number) => {
      const sale = { ...always, allow_micros, limited_by: 'total' } as const;
      state.control({ v: 2, type: 'grants.put', version, grants: { sale } });
    };
    const allowed = () => state.delivery('sale').grant?.allow_micros;
    grants(1, 900);
    expect(allowed()).toBe(100);
    grants(3, 300);
    expect(allowed()).toBe(300);
    grants(2, 700);
    expect(allowed()).toBe(300);
  });

  test('only what changed is written, once', () => {
    const log = withSale();
    const names = () => log.state.takeDirty().map(({ name }) => name);
    expect(names().sort()).toEqual(['campaign.sale', 'delivery.sale', 'reference']);
    expect(log.state.dirtyCount).toBe(0);
    log.apply(click(0, BASE_MS, 'email'));
    // Five cells, the journal and the pulse.
    expect(log.state.dirtyCount).toBe(7);
    const { version } = DEFAULT_REFERENCE.scorer.model;
    const week = `${version}.20240408`;
    expect(names().sort()).toEqual([
      ...[`calibration.${week}`, 'channels.20240408', 'delivery.sale'],
      ...[`drift.${week}`, 'traffic'],
    ]);
    expect(log.state.journal.take(0, 1)).toHaveLength(1);
    expect(log.state.journal.take(0, 2)).toEqual([]);
    log.apply(click(0, BASE_MS, 'email'));
    expect(names()).toEqual(['traffic']);
  });
});
