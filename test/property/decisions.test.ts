/** What decides: concepts, intents and past wins, and nothing else that is known of the user. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Scorer } from '../../actors/model/scorer.ts';
import { decide } from '../../actors/partition/decide.ts';
import { NEW_USER } from '../../actors/user/state.ts';
import type { Receipt } from '../../protocols/decision.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import type { Model } from '../../protocols/model.ts';
import { type FusedState, fusedStateSchema } from '../../protocols/user-snapshot.ts';
import {
  BASE_MS,
  campaignWith,
  concepts,
  eventsOfOneUser,
  holds,
  opportunity,
} from '../generators.ts';
import { models } from '../models.ts';
import { ADA, PartitionLog } from '../partition-log.ts';

const ASKED = opportunity(1_000, BASE_MS);

function decideOn(model: Model, state: FusedState): Receipt {
  const log = new PartitionLog();
  log.putModel(model);
  const weights = { urgency: 0.3, churn_risk: 0.5, purchase_intent: 0.4 };
  const multipliers = [
    { when: 'loyalty > 0.5', factor: 1.5 },
    { when: 'curiosity > urgency', factor: 0.5 },
  ];
  log.putCampaign(
    campaignWith('buyers', { quality: { base: 0, weights }, multipliers }),
    1_000_000,
  );
  const targeting = { stickiness: { min: 0.3, max: 0.8 } };
  log.putCampaign(campaignWith('fans', { targeting, bid_micros: 120_000 }), 1_000_000);
  const decidable = { user: ADA, chart: log.actor().value, state };
  const made = decide(log.state, decidable, { event: ASKED, sequence: 1 as StreamSequence });
  if (made?.receipt === undefined) throw new Error('expected a decision');
  return made.receipt;
}

/** Users of any history. */
const anybody = eventsOfOneUser(25).map((events) => new PartitionLog().applyAll(events).user());

test('raw inputs that change while the concepts are held fixed change no decision', () => {
  holds(
    fc.property(models(), anybody, anybody, concepts, (model, one, other, fixed) => {
      const intents = new Scorer(model).intents(fixed);
      const shared = { concepts: fixed, intents, exposures: [] };
      // The explanation says what the concepts were made of, which is not the same, of course.
      const { explanation: _, ...receipt } = decideOn(model, { ...one, ...shared });
      expect(decideOn(model, { ...other, ...shared })).toMatchObject(receipt);
      const { conversion_window: __, ...signals } = intents;
      expect(receipt.signals).toEqual({ ...signals, ...fixed });
    }),
    150,
  );
});

test('intents follow from concepts alone, stay in 0 … 1, and the window sums to 1', () => {
  holds(
    fc.property(models(), concepts, (model, fixed) => {
      const scorer = new Scorer(model);
      const intents = scorer.intents(fixed);
      expect(fusedStateSchema.shape.intents.safeParse(intents).success).toBe(true);
      const sum = intents.conversion_window.reduce((total, part) => total + part, 0);
      expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
      expect(scorer.intents({ ...fixed })).toEqual(intents);
    }),
    300,
  );
});

test('the contributions of a receipt, times its factor, are the quality that was scored', () => {
  holds(
    fc.property(models(), concepts, (model, fixed) => {
      const intents = new Scorer(model).intents(fixed);
      const state = { ...NEW_USER, concepts: fixed, intents };
      for (const candidate of decideOn(model, state).candidates) {
        expect(candidate.score).toBe(candidate.bid_micros * candidate.quality_ppm);
        if (candidate.contributions === undefined) continue;
        const sum = Object.values(candidate.contributions).reduce((total, part) => total + part, 0);
        const held = Math.min(1, Math.max(0.01, sum)) * (candidate.factor ?? 1);
        expect(Math.abs(candidate.quality_ppm - held * 1e6)).toBeLessThanOrEqual(0.5 + 1e-6);
      }
    }),
  );
});
