/** Budgets by grants (I5): whatever is spent and however late it is said, nothing is overspent. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayWindow, hourWindow } from '../../actors/calendar.ts';
import { ACTIVE_MS } from '../../actors/campaign/activity.ts';
import type { Campaign } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type { DeliveryCell } from '../../protocols/cells.ts';
import { controlSchema } from '../../protocols/control.ts';
import type { Grant } from '../../protocols/grant.ts';
import { upcast } from '../../protocols/upcast.ts';
import { campaignWith, DAY_MS, HOUR_MS, holds, MINUTE_MS, SECOND_MS } from '../generators.ts';
import { GrantCluster, type SimulatedPartition } from '../grant-cluster.ts';

const BID = 1_000;
type Grants = Readonly<Record<string, Grant>>;
/** An hour before clocks are put forward, put back, and before an ordinary midnight. */
const STARTS = ['2024-03-31T00:10Z', '2024-10-27T00:10Z', '2024-04-08T21:10Z', '2024-04-08T12:00Z'];
const ZONES = ['Europe/Berlin', 'UTC', 'Asia/Kolkata', 'America/St_Johns'];

/** What caps still allow: a lowered one cannot undo what is spent or in partitions' hands. */
class Auditor {
  readonly #cluster: GrantCluster;
  #total: number;
  readonly #days = new Map<number, number>();
  readonly #hours = new Map<number, number>();

  constructor(cluster: GrantCluster) {
    this.#cluster = cluster;
    this.#total = cluster.campaign.budget_micros;
  }

  check(): void {
    const { paid, campaign } = this.#cluster;
    expect(paid.total).toBeLessThanOrEqual(this.#total);
    for (const [day, micros] of paid.days) {
      expect(micros).toBeLessThanOrEqual(this.#ceiling(this.#days, day, campaign.daily_micros));
    }
    for (const [hour, micros] of paid.hours) {
      expect(micros).toBeLessThanOrEqual(this.#ceiling(this.#hours, hour, campaign.hourly_micros));
    }
  }

  redefine(changes: Partial<Campaign>): void {
    const cluster = this.#cluster;
    const open = [...cluster.open()];
    const { time_zone, daily_micros, hourly_micros } = cluster.campaign;
    for (const { grant } of open) {
      this.#ceiling(this.#days, dayWindow(time_zone, grant.from_ms).fromMs, daily_micros);
      this.#ceiling(this.#hours, hourWindow(time_zone, grant.from_ms).fromMs, hourly_micros);
    }
    cluster.define(changes);
    const { campaign, paid } = cluster;
    const openIn = (isIn: (grant: Grant) => boolean): number =>
      open.reduce((sum, { grant, micros }) => sum + (isIn(grant) ? micros : 0), 0);
    const lowered = (before: number, cap: number | undefined, reach: number): number =>
      Math.max(cap ?? before, Math.min(before, reach));
    this.#total = lowered(this.#total, campaign.budget_micros, paid.total + openIn(() => true));
    for (const [day, before] of this.#days) {
      const reach = (paid.days.get(day) ?? 0) + openIn((grant) => grant.day_from_ms === day);
      this.#days.set(day, lowered(before, campaign.daily_micros, reach));
    }
    for (const [hour, before] of this.#hours) {
      const reach = (paid.hours.get(hour) ?? 0) + openIn((grant) => grant.from_ms === hour);
      this.#hours.set(hour, lowered(before, campaign.hourly_micros, reach));
    }
  }

  #ceiling(known: Map<number, number>, key: number, cap = Number.POSITIVE_INFINITY): number {
    if (!known.has(key)) known.set(key, cap);
    return known.get(key) as number;
  }
}

const steps = ['win', 'read', 'report', 'settle', 'arrives', 'serve', 'serve', 'serve'] as const;
const faults = ['repeats', 'lost', 'crash', 'halfway', 'stop', 'clock', 'define', 'wait'] as const;
const act = fc.record({
  kind: fc.constantFrom(
    ...steps,
    ...steps,
    ...steps,
    'settle',
    'settle',
    'rest',
    'calm',
    ...faults,
  ),
  at: fc.nat({ max: 1_000 }),
  share: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
});
type Act = { kind: string; at: number; share: number };

const WAITS_MS = [SECOND_MS, 20 * MINUTE_MS, 40 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS];
const CLOCKS_MS = [0, 0, SECOND_MS, 10 * MINUTE_MS, -10 * MINUTE_MS, HOUR_MS, -HOUR_MS, -HOUR_MS];

function perform(cluster: GrantCluster, auditor: Auditor, { kind, at, share }: Act): void {
  const index = at % cluster.partitions.length;
  const partition = cluster.partitions[index];
  if (partition === undefined) return;
  if (kind === 'win') {
    for (let n = 0; n <= at % 9; n++) cluster.win(index, Math.max(1, Math.ceil(BID * share)));
  } else if (kind === 'serve') {
    for (let n = 0; n <= at % 12; n++) cluster.win(index, Math.max(1, Math.ceil(BID * share)));
    cluster.read(index);
    partition.report();
  } else if (kind === 'rest') cluster.nowMs += 2 * ACTIVE_MS;
  else if (kind === 'read') cluster.read(index, 1 + (at % 12));
  else if (kind === 'report') partition.report();
  else if (kind === 'settle') cluster.settle();
  else if (kind === 'halfway') cluster.settle(true);
  else if (kind === 'crash') cluster.crash();
  else if (kind === 'stop') partition.isStopped = !partition.isStopped;
  else if (kind === 'clock') cluster.aheadMs = CLOCKS_MS[at % CLOCKS_MS.length] as number;
  else if (kind === 'wait') cluster.nowMs += WAITS_MS[at % WAITS_MS.length] as number;
  else if (kind === 'calm') cluster.calm(1 + (at % 3));
  else if (kind === 'define') auditor.redefine(newCaps(cluster.campaign, at, share));
  else cluster.deliver(at, kind as 'arrives' | 'repeats' | 'lost');
}

/** Another cap of a kind that the campaign has. */
function newCaps(campaign: Campaign, at: number, share: number): Partial<Campaign> {
  const micros = Math.floor(share * (1 + (at % 60)) * BID);
  if (at % 3 === 1 && campaign.daily_micros !== undefined) return { daily_micros: micros };
  if (at % 3 === 2 && campaign.hourly_micros !== undefined) return { hourly_micros: micros };
  return { budget_micros: micros };
}

const amount = fc.integer({ min: 0, max: 40 * BID });
const caps = fc.record(
  {
    budget_micros: fc.integer({ min: 0, max: 80 * BID }),
    daily_micros: amount,
    hourly_micros: amount,
    breaker: fc.record({
      spend_micros: fc.integer({ min: BID, max: 40 * BID }),
      within_s: fc.constant(60),
    }),
  },
  { requiredKeys: ['budget_micros'] },
);

function campaignOf(changes: Partial<Campaign>, time_zone = 'UTC'): Campaign {
  return campaignWith('sale', { ...changes, bid_micros: BID, time_zone });
}

test('no cap is ever passed, whatever is late, lost, repeated, stopped or changed (I5)', () => {
  holds(
    fc.property(
      caps,
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(...ZONES),
      fc.constantFrom(...STARTS),
      fc.boolean(),
      fc.array(act, { minLength: 40, maxLength: 160 }),
      (changes, count, zone, start, isPaced, acts) => {
        const pacing = isPaced && changes.daily_micros !== undefined ? 'even' : 'asap';
        const campaign = campaignOf({ ...(changes as Partial<Campaign>), pacing }, zone);
        const cluster = new GrantCluster(campaign, count, Date.parse(start));
        const auditor = new Auditor(cluster);
        for (const each of acts) {
          perform(cluster, auditor, each);
          auditor.check();
          if (campaign.breaker === undefined) continue;
          expect(cluster.openMicros).toBeLessThanOrEqual(campaign.breaker.spend_micros);
        }
      },
    ),
    800,
  );
});

test('nor when the clock is put back and some partitions were told of the next hour', () => {
  const caps = { budget_micros: 1_000 * BID, hourly_micros: 12 * BID };
  const cluster = new GrantCluster(campaignOf(caps), 2, Date.parse('2024-04-08T12:00Z'));
  const auditor = new Auditor(cluster);
  const [, second] = cluster.partitions as [SimulatedPartition, SimulatedPartition];
  const serve = (partition: number, wins: number): void => {
    for (let n = 0; n < wins; n++) {
      cluster.win(partition, BID);
      cluster.calm();
      auditor.check();
    }
  };
  cluster.calm(2);
  serve(0, 6);
  // The second one has not taken in what it was told last, so it is not told of the next hour.
  cluster.win(1, BID);
  cluster.read(1);
  second.report();
  second.isStopped = true;
  serve(0, 1);
  cluster.aheadMs = HOUR_MS;
  cluster.calm(2);
  cluster.aheadMs = 0;
  second.isStopped = false;
  serve(1, 20);
  expect(cluster.paid.total).toBeGreaterThan(6 * BID);
});

test('nor by what another release had granted, taken in or not', () => {
  holds(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.tuple(fc.nat(60), fc.nat(60), fc.nat(60)), { minLength: 1, maxLength: 4 }),
      fc.array(act, { maxLength: 60 }),
      (bids, partitions, acts) => {
        const campaign = campaignOf({ budget_micros: bids * BID });
        const cluster = new GrantCluster(campaign, partitions.length, Date.parse(STARTS[3] ?? ''));
        let left = bids;
        const granted_micros: Record<string, number> = {};
        const actor = { v: 1, campaign, status: 'live', version: 2, granted_micros };
        for (const [p, [first, more, spent]] of partitions.entries()) {
          const [low, high] = [Math.min(first, left), Math.min(first + more, left)];
          left -= high;
          granted_micros[p] = high * BID;
          // The cell knows of an earlier grant; the last one is in the log, or was never sent.
          const spent_micros = Math.min(spent, low) * BID;
          const counts = { wins: 0, shown: 0, clicked: 0, dismissed: 0 };
          const old = { v: 1, granted_micros: low * BID, spent_micros, ...counts };
          const partition = cluster.partitions[p];
          if (partition === undefined) continue;
          partition.cell = upcast('cell', old) as unknown as DeliveryCell;
          partition.report();
          cluster.paid.total += spent_micros;
          for (const [version, micros] of [
            [10, low],
            [20, high],
          ] as const) {
            const put = {
              v: 1,
              type: 'grants.put',
              version,
              granted_micros: { sale: micros * BID },
            };
            const { grants } = controlSchema.parse(upcast('control', put)) as { grants: Grants };
            cluster.underWay.push({ partition: p, version, grant: grants.sale as Grant });
          }
        }
        cluster.start(upcast('campaignActor', actor) as unknown as CampaignActorState, 20);
        const auditor = new Auditor(cluster);
        for (const each of acts) {
          perform(cluster, auditor, each);
          auditor.check();
        }
        if (acts.some(({ kind }) => kind === 'define')) return;
        for (const partition of cluster.partitions) partition.isStopped = false;
        for (let n = 0; n < 300; n++) for (const p of partitions.keys()) cluster.win(p, BID);
        cluster.calm(3);
        auditor.check();
      },
    ),
    600,
  );
});

test('caps that come, go and come again, and other zones, count from when they are there', () => {
  const kinds = fc.constantFrom('none', 'daily', 'hourly', 'both');
  const change = fc.record({
    kinds,
    zone: fc.constantFrom('Europe/Berlin', 'UTC', 'America/New_York'),
    waitMs: fc.integer({ min: 0, max: 30 * HOUR_MS }),
    wins: fc.nat({ max: 60 }),
  });
  holds(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(change, { maxLength: 12 }),
      (count, all) => {
        const cluster = new GrantCluster(campaignOf({}), count, Date.parse(STARTS[1] ?? ''));
        for (const { kinds, zone, waitMs, wins } of all) {
          const daily_micros = kinds === 'daily' || kinds === 'both' ? 20 * BID : undefined;
          const hourly_micros = kinds === 'hourly' || kinds === 'both' ? 8 * BID : undefined;
          cluster.nowMs += waitMs;
          const before = cluster.partitions.map(({ cell }) => structuredClone(cell));
          cluster.define({ daily_micros, hourly_micros, time_zone: zone } as Partial<Campaign>);
          cluster.calm(3);
          for (let n = 0; n < wins; n++) {
            for (let p = 0; p < count; p++) cluster.win(p, BID - (n % 3) * 100);
            if (n % 3 === 0) cluster.calm();
          }
          cluster.calm();
          const told = cluster.partitions.map(({ cell }) => cell);
          const sum = (
            of: (cell: DeliveryCell) => number,
            isSo: (grant: Grant) => boolean,
          ): number =>
            told.reduce((total, cell) => {
              const { grant } = cell;
              const counts = grant !== null && grant.until_ms > cluster.nowMs && isSo(grant);
              return counts ? total + of(cell) : total;
            }, 0);
          // A window or a day that goes on may hold more already than a lower or newer cap allows.
          const kept = (field: 'from_ms' | 'day_from_ms', of: 'window_micros' | 'day_micros') =>
            told.reduce((total, { grant }, p) => {
              const goesOn = grant !== null && before[p]?.grant?.[field] === grant[field];
              return goesOn ? total + (before[p]?.[of] ?? 0) : total;
            }, 0);
          const isHour = ({ from_ms, until_ms }: Grant): boolean =>
            until_ms - from_ms <= 2 * HOUR_MS;
          const open = ({ grant, window_micros }: DeliveryCell): number =>
            (grant?.allow_micros ?? 0) - window_micros;
          if (hourly_micros !== undefined) {
            const micros = sum(({ window_micros }) => window_micros, isHour);
            const had = kept('from_ms', 'window_micros');
            expect(micros).toBeLessThanOrEqual(Math.max(hourly_micros, had));
            // Nobody holds anything that the new cap would not count.
            expect(sum(open, (grant) => !isHour(grant))).toBe(0);
          }
          if (daily_micros !== undefined) {
            const micros = sum(
              ({ day_micros }) => day_micros,
              ({ day_from_ms }) => day_from_ms > 0,
            );
            const had = kept('day_from_ms', 'day_micros');
            expect(micros).toBeLessThanOrEqual(Math.max(daily_micros, had));
            expect(sum(open, ({ day_from_ms }) => day_from_ms === 0)).toBe(0);
          }
        }
      },
    ),
    300,
  );
});

/** Spends wherever `demand` says, second by second, until nothing can be spent any more. */
function spendAll(cluster: GrantCluster, demand: (second: number) => readonly number[]): void {
  let paid = -1;
  let still = 0;
  for (let second = 0; still < 40 && second < 20_000; second++) {
    for (const partition of demand(second)) {
      for (let n = 0; n < 3; n++) cluster.win(partition, BID - (n % 2) * 137);
    }
    cluster.calm();
    cluster.nowMs += SECOND_MS;
    still = cluster.paid.total === paid ? still + 1 : 0;
    paid = cluster.paid.total;
  }
}

describe('at least 98 % of a budget of 50 bids or more is spent', () => {
  const places: [string, (second: number, count: number) => readonly number[]][] = [
    ['in one place', (_second, count) => [count - 1]],
    ['wherever demand moves', (second, count) => [Math.floor(second / 20) % count]],
    ['everywhere', (_second, count) => Array.from({ length: count }, (_, index) => index)],
  ];
  const which = fc.constantFrom('budget_micros', 'daily_micros', 'hourly_micros');
  test.each(places)('%s', (_where, demand) => {
    holds(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 50, max: 600 }),
        which,
        (count, bids, cap) => {
          const limits = { budget_micros: 10_000 * BID, [cap]: bids * BID };
          const cluster = new GrantCluster(campaignOf(limits), count, Date.parse(STARTS[3] ?? ''));
          // Everybody has got something in advance, and most will not need it.
          cluster.calm(3);
          spendAll(cluster, (second) => demand(second, count));
          expect(cluster.paid.total).toBeGreaterThanOrEqual(0.98 * bids * BID);
          // Some to each in advance, one for every other win at most, and some to gather the rest.
          expect(cluster.sent).toBeLessThanOrEqual(6 * count + bids / 2);
        },
      ),
      40,
    );
  });
});

test('once nothing is spent, refused or changed any more, nothing is sent (G3)', () => {
  holds(
    fc.property(
      caps,
      fc.integer({ min: 1, max: 12 }),
      fc.array(act, { maxLength: 60 }),
      (changes, count, acts) => {
        const campaign = campaignOf(changes as Partial<Campaign>);
        const cluster = new GrantCluster(campaign, count, Date.parse(STARTS[3] ?? ''));
        const auditor = new Auditor(cluster);
        for (const each of acts) perform(cluster, auditor, each);
        for (const partition of cluster.partitions) partition.isStopped = false;
        cluster.nowMs = dayWindow('UTC', cluster.nowMs).untilMs + 2 * DAY_MS;
        cluster.aheadMs = 0;
        cluster.calm(4);
        cluster.nowMs += 2 * ACTIVE_MS;
        const before = cluster.sent;
        cluster.calm(20);
        expect(cluster.sent - before).toBeLessThanOrEqual(2 * count);
        const settled = cluster.sent;
        cluster.calm(20);
        expect(cluster.sent).toBe(settled);
      },
    ),
    300,
  );
});
