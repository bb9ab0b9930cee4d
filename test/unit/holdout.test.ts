/** Holdouts: who is in a control group, and who would have won without it. */
import { expect, test } from 'vitest';
import { holdAuction } from '../../actors/campaign/auction.ts';
import { isHeldOut } from '../../actors/campaign/holdout.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import { ALL_CAMPAIGNS } from '../../protocols/cells.ts';
import { MAX_RECEIPT_CANDIDATES } from '../../protocols/decision.ts';
import type { UserToken } from '../../protocols/ids.ts';
import type { Settings } from '../../protocols/settings.ts';
import { isControl } from '../auction-by-force.ts';
import { grantedCase, inputOf } from '../auction-cases.ts';
import { campaignWith, settingsWith } from '../generators.ts';

const HALF_PPM = 500_000;
const USERS = Array.from({ length: 20_000 }, (_, i) => `user-${i}` as UserToken);

function held(campaigns: readonly Campaign[], user: string, settings: Partial<Settings> = {}) {
  const placements = { anywhere: { slots: 2 } };
  const all = settingsWith({ placements, ...settings });
  const { wins, heldOut, excluded } = holdAuction(
    inputOf(grantedCase(campaigns, { user, settings: all })),
  );
  return { wins: wins.map(({ campaign }) => campaign.id), heldOut, excluded };
}

/** The first user in exactly these control groups of these. */
function userIn(inside: readonly string[], outside: readonly string[] = []): UserToken {
  const user = USERS.find(
    (each) =>
      inside.every((id) => isHeldOut(each, id, HALF_PPM)) &&
      !outside.some((id) => isHeldOut(each, id, HALF_PPM)),
  );
  return user as UserToken;
}

const bidder = (id: string, bid_micros: number, holdout_ppm = HALF_PPM) =>
  campaignWith(id, { bid_micros, holdout_ppm });

test('as many users are held out as asked, and it is by user and campaign', () => {
  for (const ppm of [1_000, 50_000, HALF_PPM]) {
    const share = USERS.filter((user) => isHeldOut(user, 'sale', ppm)).length / USERS.length;
    const expected = ppm / 1_000_000;
    const error = Math.sqrt((expected * (1 - expected)) / USERS.length);
    expect(Math.abs(share - expected)).toBeLessThan(4 * error);
  }
  const both = USERS.filter(
    (user) => isHeldOut(user, 'a', HALF_PPM) && isHeldOut(user, 'b', HALF_PPM),
  );
  expect(Math.abs(both.length / USERS.length - 0.25)).toBeLessThan(0.0125);
  expect(USERS.some((user) => isHeldOut(user, 'sale', 0))).toBe(false);
});

test('who is held out stays so, at every greater share too, as the page defines it', () => {
  for (const user of USERS.slice(0, 2_000)) {
    const groups = [1_000, 50_000, 200_000, HALF_PPM].map((ppm) => isHeldOut(user, 'sale', ppm));
    expect(groups).toEqual([...groups].sort((a, b) => Number(a) - Number(b)));
    expect(groups[3]).toBe(isControl(user, 'sale', HALF_PPM));
    expect(isHeldOut(user, 'sale', HALF_PPM)).toBe(groups[3]);
  }
});

test('these users are held out for good: another hash would end every trial that runs', () => {
  const drawn = USERS.slice(0, 24).map((user) => Number(isHeldOut(user, 'sale', HALF_PPM)));
  expect(drawn.join('')).toBe('100110010100100001001000');
});

test('the place of who is held out goes to the next, and the ghost is named', () => {
  const campaigns = [bidder('a', 90_000), bidder('b', 80_000, 0), bidder('c', 70_000, 0)];
  expect(held(campaigns, userIn([], ['a']))).toMatchObject({ wins: ['a', 'b'], heldOut: [] });
  expect(held(campaigns, userIn(['a']))).toMatchObject({
    ...{ wins: ['b', 'c'], heldOut: ['a'], excluded: { holdout: 1 } },
  });
});

test('one that would not have won a place is out, but no ghost', () => {
  const campaigns = [bidder('a', 90_000, 0), bidder('b', 80_000, 0), bidder('c', 70_000)];
  const result = held(campaigns, userIn(['c']));
  expect(result).toEqual({ wins: ['a', 'b'], heldOut: [], excluded: { holdout: 1 } });
});

test('ghosts do not take places from each other, and are named by rank', () => {
  const campaigns = [bidder('c', 70_000), bidder('a', 90_000), bidder('b', 80_000)];
  const user = userIn(['a', 'b', 'c']);
  expect(held(campaigns, user)).toMatchObject({ wins: [], heldOut: ['a', 'b', 'c'] });
  const rival = bidder('d', 75_000, 0);
  const two = [rival, bidder('e', 85_000, 0)];
  expect(held([...campaigns, ...two], user)).toMatchObject({
    ...{ wins: ['e', 'd'], heldOut: ['a', 'b'] },
  });
});

test('a house campaign stands in, which makes a ghost no less of one', () => {
  const house = campaignWith('h', { house: true, priority: 9 });
  const result = held([bidder('a', 90_000), house], userIn(['a']));
  expect(result).toMatchObject({ wins: ['h'], heldOut: ['a'] });
});

test('for users held out from all campaigns only that is named, if it kept anybody back', () => {
  const campaigns = [bidder('a', 90_000), bidder('b', 80_000)];
  const all = { holdout_ppm: HALF_PPM };
  expect(held(campaigns, userIn([ALL_CAMPAIGNS, 'a'], ['b']), all)).toEqual({
    ...{ wins: [], heldOut: [ALL_CAMPAIGNS], excluded: { holdout: 1, holdout_all: 1 } },
  });
  expect(held(campaigns, userIn([ALL_CAMPAIGNS, 'a', 'b']), all)).toEqual({
    ...{ wins: [], heldOut: [], excluded: { holdout: 2 } },
  });
  expect(held(campaigns, userIn(['a', 'b'], [ALL_CAMPAIGNS]), all).heldOut).toEqual(['a', 'b']);
});

test('no more of those who would have won are named than a receipt lists candidates', () => {
  const user = USERS[0] as UserToken;
  const ids = Array.from({ length: 300 }, (_, i) => `c${i}`);
  const control = ids.filter((id) => isHeldOut(user, id, HALF_PPM));
  const campaigns = control.map((id, i) =>
    campaignWith(id, { holdout_ppm: HALF_PPM, bid_micros: 900_000 - i }),
  );
  const { wins, heldOut } = held(campaigns, user);
  expect(control.length).toBeGreaterThan(MAX_RECEIPT_CANDIDATES);
  expect(wins).toEqual([]);
  expect(heldOut).toEqual(control.slice(0, MAX_RECEIPT_CANDIDATES));
});
