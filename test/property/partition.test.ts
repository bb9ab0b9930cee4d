/** A partition's log from end to end over random logs: what is counted, decided, spent and kept. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Campaign } from '../../protocols/campaign.ts';
import { receiptSchema } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { campaignWith, DAY_MS, eventsOfOneUser, holds } from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const USERS = ['ada', 'bob', 'cy'] as UserToken[];
const MAX_EXPOSURES = 32;
const GRANT = 700_000;

const CAMPAIGNS: readonly Campaign[] = [
  campaignWith('tight', { bid_micros: 90_000, frequency: { max_per_day: 1, min_spacing_s: 0 } }),
  campaignWith('spaced', { bid_micros: 70_000, frequency: { max_per_day: 9, min_spacing_s: 900 } }),
  campaignWith('picky', {
    ...{ bid_micros: 99_000, triggers: ['click'], placements: ['cart'] },
    ...{ targeting: { purchase_intent: { min: 0.2, max: 1 } } },
    quality: { base: 0.1, weights: { urgency: 0.7 } },
  }),
];

interface Arrival {
  readonly user: UserToken;
  readonly event: Event;
}

/** Logs of a few users, some events of which arrive again. */
const logs: fc.Arbitrary<Arrival[]> = fc
  .tuple(...USERS.map(() => eventsOfOneUser(30)))
  .chain((lives) => {
    const arrivals = lives.flatMap((events, i) =>
      events.map((event, n) => ({ user: USERS[i] as UserToken, event, at: n * USERS.length + i })),
    );
    arrivals.sort((a, b) => a.at - b.at);
    const again = fc.array(fc.nat({ max: arrivals.length - 1 }), { maxLength: 8 });
    return again.map((picks) => [...arrivals, ...picks.map((n) => arrivals[n] as Arrival)]);
  });

function newLog(): PartitionLog {
  const log = new PartitionLog();
  for (const campaign of CAMPAIGNS) log.putCampaign(campaign, GRANT);
  return log;
}

test('the same log gives the same cells, snapshots and receipts, to the byte (I2)', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const [first, second] = [newLog(), newLog()];
      for (const { user, event } of arrivals) first.apply(event, user);
      const copy = JSON.parse(JSON.stringify(arrivals)) as Arrival[];
      for (const { user, event } of copy) second.apply(event, user);
      expect(second.bytes()).toBe(first.bytes());
    }),
    60,
  );
});

test('a partition that goes on from what is stored, anywhere in its log, ends the same', () => {
  holds(
    fc.property(logs, fc.nat({ max: 80 }), (arrivals, at) => {
      const [steady, restarted] = [newLog(), newLog()];
      arrivals.forEach(({ user, event }, i) => {
        if (i === at) restarted.restart();
        steady.apply(event, user);
        restarted.apply(event, user);
      });
      expect(JSON.parse(restarted.bytes())).toEqual(JSON.parse(steady.bytes()));
    }),
    60,
  );
});

test('every event is counted once, as what became of it', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const log = newLog();
      const verdicts = { accepted: 0, duplicate: 0, rejected: 0 };
      for (const { user, event } of arrivals) verdicts[log.apply(event, user).verdict]++;
      expect(log.traffic()).toMatchObject({
        accepted: verdicts.accepted,
        duplicates: verdicts.duplicate,
        rejected: verdicts.rejected,
        decisions: log.receipts.length,
        wins: log.receipts.reduce((sum, { wins }) => sum + wins.length, 0),
      });
    }),
    60,
  );
});

test('a rejected or duplicate event changes nothing but its count', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const log = newLog();
      log.state.traffic();
      for (const { user, event } of arrivals) {
        const before = withoutCounts(log);
        const applied = log.apply(event, user);
        if (event.type === 'conversion' && event.currency !== 'USD') {
          expect(applied).toMatchObject({ verdict: 'rejected', rejection: { field: 'currency' } });
        }
        if (applied.verdict === 'accepted') continue;
        const after = withoutCounts(log);
        // An order that comes twice leaves its index with the user, so that it is known again.
        const isOrder = 'reason' in applied && applied.reason.startsWith('order_id');
        const { duplicates } = log.user(user);
        if (isOrder) before.users[user] = { ...before.users[user], duplicates } as FusedState;
        expect(after).toEqual(before);
      }
    }),
    30,
  );
});

/** All state but the counts of what was not taken. */
function withoutCounts(log: PartitionLog) {
  const users: Partial<Record<UserToken, FusedState>> = {};
  for (const user of USERS) users[user] = log.user(user);
  const cells = Object.fromEntries(JSON.parse(JSON.stringify([...log.cells()])));
  const { duplicates: _, rejected: __, ...traffic } = cells.traffic;
  return { users, cells: { ...cells, traffic }, receipts: log.receipts.length };
}

test('what asks for a decision gets one, valid and of its own id, while the user allows it', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const log = newLog();
      for (const { user, event } of arrivals) {
        const applied = log.apply(event, user);
        if (applied.verdict !== 'accepted') continue;
        const { consent } = log.user(user);
        const isAllowed = consent.personalization !== 'refused';
        const { receipt } = applied;
        if (event.type === 'opportunity') expect(receipt !== undefined).toBe(isAllowed);
        if (receipt === undefined) continue;
        expect(isAllowed).toBe(true);
        expect(receiptSchema.parse(receipt)).toEqual(receipt);
        expect(receipt.decision.event_id).toBe(event.event_id);
        const won = receipt.decision.orchestration.winner_campaign !== null;
        expect(won || event.type === 'opportunity').toBe(true);
      }
      const ids = log.receipts.map(({ decision }) => decision.decision_id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
    60,
  );
});

test('a partition never spends beyond its grants, and charges what its receipts say (I5)', () => {
  holds(
    fc.property(logs, (arrivals) => {
      const log = newLog();
      for (const { user, event } of arrivals) {
        log.apply(event, user);
        for (const { id } of CAMPAIGNS) {
          const { spent_micros, grant } = log.delivery(id);
          expect(spent_micros).toBeLessThanOrEqual(grant?.allow_micros ?? 0);
        }
      }
      for (const { id } of CAMPAIGNS) {
        const won = log.receipts.flatMap(({ wins }) => wins.filter((w) => w.campaign === id));
        const spent_micros = won.reduce((sum, { price_micros }) => sum + price_micros, 0);
        expect(log.delivery(id)).toMatchObject({ wins: won.length, spent_micros });
      }
    }),
    60,
  );
});

test('no user sees a campaign more often than its caps allow', () => {
  // A refusal forgets past wins too; here nobody is asked.
  const unasked = logs.map((arrivals) => arrivals.filter(({ event }) => event.type !== 'consent'));
  holds(
    fc.property(unasked, (arrivals) => {
      const log = newLog();
      for (const { user, event } of arrivals) log.apply(event, user);
      for (const user of USERS) {
        const seen: { readonly id: string; readonly t: number }[] = [];
        for (const { decision, event, user: of } of log.receipts) {
          const id = decision.orchestration.winner_campaign;
          if (of !== user || id === null) continue;
          const { frequency } = CAMPAIGNS.find((each) => each.id === id) as Campaign;
          const distances = seen
            .slice(-MAX_EXPOSURES)
            .flatMap((win) => (win.id === id ? [Math.abs(event.timestamp - win.t)] : []));
          const inADay = distances.filter((distance) => distance < DAY_MS).length;
          expect(inADay).toBeLessThan(frequency.max_per_day);
          const nearest = Math.min(...distances);
          expect(nearest).toBeGreaterThanOrEqual(frequency.min_spacing_s * 1_000);
          seen.push({ id, t: event.timestamp });
        }
      }
    }),
    60,
  );
});

test('every conversion is somewhere: on a path, without one, or too late for one', () => {
  const asked = logs.map((arrivals) =>
    arrivals.filter(({ event }) => event.type !== 'consent' && event.type !== 'refund'),
  );
  holds(
    fc.property(asked, (arrivals) => {
      const log = newLog();
      for (const { user, event } of arrivals) log.apply(event, user);
      const counts = Object.values(log.paths());
      const onPaths = counts.reduce((sum, [conversions = 0]) => sum + conversions, 0);
      const traffic = log.traffic();
      if (traffic === undefined) return;
      expect(traffic.conversions).toBe(
        onPaths + traffic.conversions_without_path + traffic.conversions_too_late,
      );
    }),
    60,
  );
});
