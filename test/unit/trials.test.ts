/** Holdouts: who is enrolled when, what counts, and that both arms are treated alike. */
import { describe, expect, test } from 'vitest';
import { isHeldOut } from '../../actors/campaign/holdout.ts';
import { MAX_TRIAL_CENTS } from '../../actors/partition/trials.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { ALL_CAMPAIGNS, type TrialCell } from '../../protocols/cells.ts';
import type { Event } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { MAX_TRIALS } from '../../protocols/user-snapshot.ts';
import {
  BASE_MS,
  campaignWith,
  common,
  conversion,
  DAY_MS,
  opportunity,
  settingsWith,
} from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const FREELY = { frequency: { max_per_day: 32, min_spacing_s: 0 } };
const HALF = 500_000;
const USERS = Array.from({ length: 200 }, (_, i) => `u${i}` as UserToken);

function logWith(...campaigns: readonly Campaign[]): PartitionLog {
  const log = new PartitionLog();
  for (const campaign of campaigns) log.putCampaign(campaign, 1_000_000_000);
  return log;
}

function trial(log: PartitionLog, campaign: string, ppm = HALF): TrialCell {
  return log.cells().get(`trial.${campaign}.${ppm}`) as TrialCell;
}

const SALE = campaignWith('sale', { ...FREELY, holdout_ppm: HALF, bid_micros: 90_000 });
const OTHER = campaignWith('other', { ...FREELY, bid_micros: 50_000 });
const CONTROL = USERS.filter((user) => isHeldOut(user, 'sale', HALF));
const TREATED = USERS.filter((user) => !CONTROL.includes(user));
const [control, treated] = [CONTROL[0] as UserToken, TREATED[0] as UserToken];

describe('enrolment', () => {
  test('every user is in one arm, by who really won and who would have', () => {
    const log = logWith(SALE, OTHER);
    for (const user of USERS) log.apply(opportunity(0, BASE_MS), user);
    const { treated: shown, control: held } = trial(log, 'sale');
    expect([shown.users, held.users]).toEqual([TREATED.length, CONTROL.length]);
    expect(CONTROL.length).toBeGreaterThan(70);
    expect(log.delivery('sale').wins).toBe(TREATED.length);
    expect(log.delivery('other').wins).toBe(CONTROL.length);
  });

  test('a user counts once in a trial, at the first win', () => {
    const log = logWith(SALE);
    for (const n of [0, 1, 2]) log.apply(opportunity(n, BASE_MS + n), treated);
    for (const n of [0, 1, 2]) log.apply(opportunity(n, BASE_MS + n), control);
    expect(trial(log, 'sale')).toMatchObject({ treated: { users: 1 }, control: { users: 1 } });
    expect(log.user(control).trials).toMatchObject([{ t: BASE_MS, isControl: true }]);
    expect(log.user(control).exposures).toEqual([]);
  });

  test('a campaign that would not have won enrols nobody', () => {
    const log = logWith(SALE, campaignWith('great', { ...FREELY, bid_micros: 900_000 }));
    for (const user of USERS) log.apply(opportunity(0, BASE_MS), user);
    expect(trial(log, 'sale')).toBeUndefined();
  });

  test('an event that asks for nothing enrols too, without an answer', () => {
    const log = logWith(SALE);
    log.apply({ ...common(0, BASE_MS), type: 'behavior' } as Event, control);
    expect(trial(log, 'sale').control.users).toBe(1);
    expect(log.receipts).toEqual([]);
  });

  test('another share of users held out is another trial', () => {
    const log = logWith(SALE);
    log.apply(opportunity(0, BASE_MS), treated);
    log.putCampaign({ ...SALE, holdout_ppm: 1 }, 1_000_000_000);
    log.apply(opportunity(1, BASE_MS + 1), treated);
    expect([trial(log, 'sale').treated.users, trial(log, 'sale', 1).treated.users]).toEqual([1, 1]);
  });

  test('a full memory makes room only for a trial that is over', () => {
    const many = Array.from({ length: MAX_TRIALS + 1 }, (_, i) =>
      campaignWith(`c${String(i).padStart(2, '0')}`, {
        ...{ ...FREELY, holdout_ppm: 1, priority: i % 10, frequency: { max_per_day: 1 } },
      } as Partial<Campaign>),
    );
    const log = logWith(...many);
    log.putSettings(settingsWith({ outcome_window_ms: DAY_MS }));
    many.forEach((_, n) => {
      log.apply(opportunity(n, BASE_MS + n), treated);
    });
    expect(log.user(treated).trials).toHaveLength(MAX_TRIALS);
    const first = log.user(treated).trials[0]?.campaign;
    log.apply(opportunity(99, BASE_MS + 3 * DAY_MS), treated);
    const kept = log.user(treated).trials.map(({ campaign }) => campaign);
    expect(kept).toHaveLength(MAX_TRIALS);
    expect(new Set(kept).size).toBe(MAX_TRIALS);
    expect(kept.includes(first as string) && kept[0] === first).toBe(
      log.receipts.at(-1)?.wins[0]?.campaign === first,
    );
  });
});

describe('the holdout from all campaigns', () => {
  const settings = settingsWith({ holdout_ppm: HALF });

  test('shows its control group nothing, and is enrolled where something would have won', () => {
    const log = logWith(OTHER);
    log.putSettings(settings);
    for (const user of USERS) log.apply(opportunity(0, BASE_MS), user);
    const held = USERS.filter((user) => isHeldOut(user, ALL_CAMPAIGNS, HALF));
    expect(trial(log, ALL_CAMPAIGNS)).toMatchObject({
      ...{ treated: { users: USERS.length - held.length }, control: { users: held.length } },
    });
    expect(log.delivery('other').wins).toBe(USERS.length - held.length);
    const receipt = log.receipts.find(({ user }) => user === held[0]);
    expect(receipt).toMatchObject({ wins: [], held_out: [ALL_CAMPAIGNS] });
    expect(receipt?.excluded).toEqual({ holdout_all: 1 });
  });

  test('keeps its control group out of the trials of campaigns', () => {
    const log = logWith(SALE);
    log.putSettings(settings);
    for (const user of USERS) log.apply(opportunity(0, BASE_MS), user);
    const { treated: shown, control: held } = trial(log, 'sale');
    const isIn = (user: UserToken) => !isHeldOut(user, ALL_CAMPAIGNS, HALF);
    expect(shown.users).toBe(TREATED.filter(isIn).length);
    expect(held.users).toBe(CONTROL.filter(isIn).length);
  });
});

describe('outcomes', () => {
  test('count in both arms alike: users once, revenue and its squares in full', () => {
    const log = logWith(SALE);
    for (const user of [treated, control]) {
      log.apply(opportunity(0, BASE_MS), user);
      log.apply({ ...conversion(1, BASE_MS + 1, 'a'), value: 3 } as Event, user);
      log.apply({ ...conversion(2, BASE_MS + 2, 'b'), value: 4.005 } as Event, user);
    }
    const arm = { users: 1, converted: 1, revenue_cents: 701, revenue_cents_squared: 701 ** 2 };
    expect(trial(log, 'sale')).toEqual({ v: 2, treated: arm, control: arm });
  });

  test('before enrolment or after the window do not count', () => {
    const log = logWith(SALE);
    log.putSettings(settingsWith({ outcome_window_ms: DAY_MS }));
    log.apply(opportunity(0, BASE_MS), control);
    log.apply(conversion(1, BASE_MS - 1, 'before'), control);
    log.apply(conversion(2, BASE_MS + DAY_MS + 1, 'after'), control);
    expect(trial(log, 'sale').control.converted).toBe(0);
    log.apply(conversion(3, BASE_MS + DAY_MS, 'just in time'), control);
    expect(trial(log, 'sale').control.converted).toBe(1);
  });

  test('one user’s revenue counts up to a bound, so that squares stay exact', () => {
    const log = logWith(SALE);
    log.apply(opportunity(0, BASE_MS), control);
    log.apply({ ...conversion(1, BASE_MS + 1, 'a'), value: 1e9 } as Event, control);
    expect(trial(log, 'sale').control).toMatchObject({
      ...{ revenue_cents: MAX_TRIAL_CENTS, revenue_cents_squared: MAX_TRIAL_CENTS ** 2 },
    });
  });
});
