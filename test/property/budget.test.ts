/** Budgets by grants (I5): whatever is spent and however late it is said, nothing is overspent. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planGrants } from '../../actors/campaign/grants.ts';
import { draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import { campaignWith, holds } from '../generators.ts';

/** A campaign over some partitions; each knows its grant late, and reports its spend late. */
class Simulation {
  actor: CampaignActorState;
  readonly #known: number[];
  readonly #spent: number[];
  readonly #reported: number[];

  constructor(budget_micros: number, bid_micros: number, partitions: number) {
    const campaign = campaignWith('sale', { budget_micros, bid_micros });
    this.actor = moveCampaign(draftCampaign(campaign), 0, { type: 'campaign.launched' });
    this.#known = new Array(partitions).fill(0);
    this.#spent = new Array(partitions).fill(0);
    this.#reported = new Array(partitions).fill(0);
  }

  get spent(): number {
    return this.#spent.reduce((sum, each) => sum + each, 0);
  }

  get granted(): number {
    return Object.values(this.actor.granted_micros).reduce((sum, each) => sum + each, 0);
  }

  /** One auction won: the partition charges it if its whole bid fits into what it knows of. */
  spend(partition: number, priceShare: number): void {
    const { bid_micros } = this.actor.campaign;
    const left = (this.#known[partition] as number) - (this.#spent[partition] as number);
    if (left < bid_micros) return;
    this.#spent[partition] =
      (this.#spent[partition] as number) + Math.ceil(bid_micros * priceShare);
  }

  hear(partition: number): void {
    this.#known[partition] = this.actor.granted_micros[partition] ?? 0;
  }

  report(partition: number): void {
    this.#reported[partition] = this.#spent[partition] as number;
  }

  /** The coordinator's turn, as the budget desk takes it. */
  settle(): void {
    const spentMicros = this.#reported.reduce((sum, each) => sum + each, 0);
    this.actor = moveCampaign(this.actor, spentMicros, { type: 'spend.reported', spentMicros });
    if (this.actor.status !== 'live') return;
    const budgets = this.#reported.map((micros, partition) => ({
      partition,
      grantedMicros: this.actor.granted_micros[partition] ?? 0,
      spentMicros: micros,
    }));
    const grants = planGrants(this.actor.campaign, budgets);
    this.actor = moveCampaign(this.actor, spentMicros, { type: 'grants.raised', grants });
  }

  raiseBudget(more: number): void {
    const { campaign } = this.actor;
    const raised = { ...campaign, budget_micros: campaign.budget_micros + more };
    const event = { type: 'campaign.applied' as const, campaign: raised };
    const reported = this.#reported.reduce((sum, each) => sum + each, 0);
    this.actor = moveCampaign(this.actor, reported, event);
  }
}

type Act = readonly ['spend' | 'hear' | 'report' | 'settle' | 'raise', number, number];
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.tuple(
    fc.constantFrom('spend', 'spend', 'spend', 'hear', 'report', 'settle', 'raise'),
    fc.nat({ max: 7 }),
    fc.double({ min: 0.01, max: 1, noNaN: true }),
  ) as fc.Arbitrary<Act>,
  { maxLength: 200 },
);

function play(simulation: Simulation, steps: readonly Act[], partitions: number): void {
  for (const [act, at, share] of steps) {
    const partition = at % partitions;
    if (act === 'settle') simulation.settle();
    else if (act === 'raise') simulation.raiseBudget(Math.floor(share * 1_000));
    else if (act === 'spend') simulation.spend(partition, share);
    else simulation[act](partition);
    const { budget_micros } = simulation.actor.campaign;
    expect(simulation.granted).toBeLessThanOrEqual(budget_micros);
    expect(simulation.spent).toBeLessThanOrEqual(simulation.granted);
  }
}

const budget = fc.oneof(fc.constantFrom(0, 1, 999), fc.integer({ min: 0, max: 1_000_000 }));
const bid = fc.integer({ min: 1, max: 5_000 });
const partitions = fc.integer({ min: 1, max: 8 });

test('grants never exceed the budget, nor spend the grants, whatever is late or lost (I5)', () => {
  holds(
    fc.property(budget, bid, partitions, acts, (micros, bidMicros, count, steps) => {
      play(new Simulation(micros, bidMicros, count), steps, count);
    }),
    500,
  );
});

test('grants only grow, are whole micros, and go to partitions that exist', () => {
  const spending = fc.array(fc.tuple(fc.nat(100_000), fc.nat(100_000)), {
    minLength: 1,
    maxLength: 16,
  });
  holds(
    fc.property(budget, bid, spending, (micros, bidMicros, figures) => {
      const budgets = figures.map(([granted, spent], partition) => ({
        partition,
        grantedMicros: granted,
        spentMicros: Math.min(granted, spent),
      }));
      const campaign = campaignWith('sale', { budget_micros: micros, bid_micros: bidMicros });
      const grants = planGrants(campaign, budgets);
      for (const [partition, granted] of Object.entries(grants)) {
        expect(Number.isSafeInteger(granted)).toBe(true);
        expect(granted).toBeGreaterThan(budgets[Number(partition)]?.grantedMicros ?? Infinity);
      }
      const all = budgets.map(({ partition, grantedMicros }) => grants[partition] ?? grantedMicros);
      const sum = all.reduce((total, each) => total + each, 0);
      const before = budgets.reduce((total, { grantedMicros }) => total + grantedMicros, 0);
      expect(sum).toBeLessThanOrEqual(Math.max(micros, before));
      // In which order the partitions are named does not matter.
      expect(planGrants(campaign, [...budgets].reverse())).toEqual(grants);
    }),
    500,
  );
});

test('a single busy partition gets to spend the budget but for less than one bid', () => {
  const dearBid = fc.integer({ min: 500, max: 5_000 });
  holds(
    fc.property(budget, dearBid, partitions, (micros, bidMicros, count) => {
      const simulation = new Simulation(micros, bidMicros, count);
      // Slices shrink by at least a 32nd of what is left, then to four wins a round.
      for (let round = 0; round < 400 && simulation.actor.status === 'live'; round++) {
        simulation.settle();
        simulation.hear(0);
        for (let win = 0; win < 2_000; win++) simulation.spend(0, 1);
        simulation.report(0);
        simulation.settle();
      }
      const unusedElsewhere = simulation.granted - (simulation.actor.granted_micros[0] ?? 0);
      expect(micros - simulation.spent - unusedElsewhere).toBeLessThan(bidMicros);
    }),
    25,
  );
});
