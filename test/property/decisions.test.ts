/** What decides: concepts, intents and past wins, and nothing else that is known of the user. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from '../../actors/partition/decide.ts';
import { intentsOf } from '../../actors/user/intents.ts';
import { NEW_USER } from '../../actors/user/state.ts';
import type { Receipt } from '../../protocols/decision.ts';
import type { Event } from '../../protocols/event.ts';
import type { StreamSequence } from '../../protocols/ids.ts';
import { type FusedState, fusedStateSchema } from '../../protocols/user-snapshot.ts';
import {
  BASE_MS,
  campaignWith,
  concepts,
  eventsOfOneUser,
  holds,
  opportunity,
} from '../generators.ts';
import { ADA, PartitionLog } from '../partition-log.ts';

const ASKED = opportunity(1_000, BASE_MS);

function decideOn(state: FusedState, event: Event = ASKED): Receipt {
  const log = new PartitionLog();
  const weights = { urgency: 0.3, churn_risk: 0.5, purchase_intent: 0.4 };
  log.putCampaign(campaignWith('buyers', { quality: { base: 0, weights } }), 1_000_000);
  const targeting = { stickiness: { min: 0.3, max: 0.8 } };
  log.putCampaign(campaignWith('fans', { targeting, bid_micros: 120_000 }), 1_000_000);
  const made = decide(log.state, ADA, state, event, 1 as StreamSequence);
  if (made === undefined) throw new Error('expected a decision');
  return made.receipt;
}

/** Users of any history. */
const anybody = eventsOfOneUser(25).map((events) => new PartitionLog().applyAll(events).user());

test('users with the same concepts and wins get the same decision, whatever else they did', () => {
  holds(
    fc.property(anybody, anybody, concepts, (one, other, fixed) => {
      const shared = { concepts: fixed, intents: intentsOf(fixed), exposures: [] };
      const receipt = decideOn({ ...one, ...shared });
      expect(decideOn({ ...other, ...shared })).toEqual(receipt);
      const { conversion_window: _, ...intents } = intentsOf(fixed);
      expect(receipt.signals).toEqual({ ...intents, ...fixed });
    }),
    150,
  );
});

test('intents follow from concepts alone, stay in 0 … 1, and the window sums to 1', () => {
  holds(
    fc.property(concepts, (fixed) => {
      const intents = intentsOf(fixed);
      expect(fusedStateSchema.shape.intents.safeParse(intents).success).toBe(true);
      const sum = intents.conversion_window.reduce((total, part) => total + part, 0);
      expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
      expect(intentsOf({ ...fixed })).toEqual(intents);
    }),
    500,
  );
});

test('the contributions of a receipt add up to the quality that was scored', () => {
  holds(
    fc.property(concepts, (fixed) => {
      const state = { ...NEW_USER, concepts: fixed, intents: intentsOf(fixed) };
      for (const candidate of decideOn(state).candidates) {
        expect(candidate.score).toBe(candidate.bid_micros * candidate.quality_ppm);
        if (candidate.contributions === undefined) continue;
        const sum = Object.values(candidate.contributions).reduce((total, part) => total + part, 0);
        const held = Math.min(1, Math.max(0.01, sum));
        expect(Math.abs(candidate.quality_ppm - held * 1e6)).toBeLessThanOrEqual(0.5 + 1e-6);
      }
    }),
  );
});
