/** Consent first (I7): what is kept of a user who refused, and what counts of a limited one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FEATURE_COUNT, FEATURES, fillFeatures } from '../../actors/user/feature-vector.ts';
import { NEW_USER } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import {
  EVIDENCE_KINDS,
  type FusedState,
  type Modality,
  SCALE_MS,
} from '../../protocols/user-snapshot.ts';
import {
  BASE_MS,
  behavior,
  campaignWith,
  click,
  consent,
  conversion,
  eventId,
  eventsOfOneUser,
  holds,
  MINUTE_MS,
  opportunity,
  settingsWith,
} from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

const LATER_MS = BASE_MS + 10 * MINUTE_MS;

/** What has to stay to remember the refusal and to tell duplicates; nothing else may. */
const KEPT_OF_A_REFUSAL = new Set<keyof FusedState>([
  ...(['events', 'firstMs', 'nowMs', 'lapsesAtMs', 'session', 'consent'] as const),
  ...(['duplicates', 'pathSettledMs', 'funnelSinceMs'] as const),
]);

function expectNothingKept(state: FusedState): void {
  for (const [name, value] of Object.entries(NEW_USER)) {
    if (!KEPT_OF_A_REFUSAL.has(name as keyof FusedState)) {
      expect({ [name]: state[name as keyof FusedState] }).toEqual({ [name]: value });
    }
  }
}

/** A visitor known well: touches, behaviour, interests, a win, an open path. */
function wellKnown(): PartitionLog {
  const log = new PartitionLog();
  log.putCampaign(campaignWith('secret-sale'), 10_000_000);
  return log.applyAll([
    click(0, BASE_MS, 'secret-channel'),
    behavior(1, BASE_MS + 1, { name: 'add_to_cart', topics: ['secret-topic'] }),
    { ...behavior(2, BASE_MS + 2), type: 'preference', interests: { 'secret-wish': 1 } } as Event,
    opportunity(3, BASE_MS + 3),
    click(4, BASE_MS + 4, 'secret-partner'),
  ]);
}

describe('a refusal of both purposes', () => {
  test('leaves nothing of the user but the refusal', () => {
    const log = wellKnown();
    expect(JSON.stringify(log.actor().context)).toContain('secret');
    log.apply(consent(9, LATER_MS, false, false));
    expectNothingKept(log.user());
    const { value, context } = log.actor();
    expect(JSON.stringify([value, context])).not.toContain('secret');
    expect(value).toMatchObject({ consent: 'refused' });
    expect(context.consent).toEqual({
      ...{ measurement: 'refused', personalization: 'refused', withheld: [], atMs: LATER_MS },
    });
  });

  test('keeps it that way, whatever the user does next, and decides nothing', () => {
    holds(
      fc.property(eventsOfOneUser(20), (events) => {
        const log = wellKnown();
        log.apply(consent(9, LATER_MS, false, false));
        const decided = log.receipts.length;
        for (const event of events) {
          if (event.type === 'consent') continue;
          const n = 100 + event.session_index;
          log.apply({ ...event, session_index: n, event_id: eventId(n), decide: true });
          expectNothingKept(log.user());
        }
        expect(log.receipts).toHaveLength(decided);
      }),
      100,
    );
  });

  test('takes the open path out of the counts; a path that had ended stays, without a user', () => {
    const log = new PartitionLog();
    const bought = [click(0, BASE_MS, 'a'), conversion(1, BASE_MS + 1, 'o1')];
    log.applyAll([...bought, click(2, BASE_MS + 2, 'b'), click(3, BASE_MS + 3, 'c')]);
    expect(Object.keys(log.paths())).toEqual(['20240408 a', '20240408 b > c']);
    log.apply(consent(4, LATER_MS, false, false));
    expect(log.paths()).toEqual(new PartitionLog().applyAll(bought).paths());
  });

  test('does not let an event from before it bring anything back', () => {
    const log = new PartitionLog();
    log.applyAll([consent(0, LATER_MS, false, false), consent(1, LATER_MS + 5, true, true)]);
    log.apply(click(2, BASE_MS, 'late'));
    expect(log.user().path).toEqual([]);
    expect(log.traffic().touches_too_late).toBe(1);
    log.apply(click(3, LATER_MS + 6, 'now'));
    expect(log.user().path).toHaveLength(1);
  });

  test('stands against consent that was given earlier and arrives later', () => {
    const log = new PartitionLog();
    log.applyAll([consent(0, LATER_MS, false, false), consent(1, BASE_MS, true, true)]);
    expectNothingKept(log.user());
    expect(log.actor().value).toMatchObject({ consent: 'refused' });
  });
});

describe('one purpose of two', () => {
  test('measurement alone: the path is kept, features and decisions are not', () => {
    const log = wellKnown();
    const decided = log.receipts.length;
    log.apply(consent(9, LATER_MS, true, false));
    log.apply(click(10, LATER_MS + 1, 'd'));
    log.apply(opportunity(11, LATER_MS + 2));
    const { path, evidence, interests, exposures } = log.user();
    expect(path.map((item) => 'channel' in item && item.channel)).toEqual([
      ...['secret-channel', 'secret-partner', 'd'],
    ]);
    expect({ evidence, interests, exposures }).toEqual({
      ...{ evidence: NEW_USER.evidence, interests: {}, exposures: [] },
    });
    expect(log.receipts).toHaveLength(decided);
    expect(log.actor().value).toMatchObject({ consent: 'limited' });
  });

  test('personalization alone: features and decisions, but no path', () => {
    const log = wellKnown();
    const decided = log.receipts.length;
    log.apply(consent(9, LATER_MS, false, true));
    log.applyAll([click(10, LATER_MS + 1, 'd'), opportunity(11, LATER_MS + 2)]);
    expect(log.user().path).toEqual([]);
    expect(log.user().evidence[0]).toBeGreaterThan(1);
    expect(log.receipts.length).toBeGreaterThan(decided);
    expect(log.paths()).toEqual({});
  });
});

test('a user who was never asked is treated as the settings say', () => {
  const refused = new PartitionLog();
  refused.putSettings(settingsWith({ consent_default: 'refused' }));
  refused.applyAll([click(0, BASE_MS, 'a'), opportunity(1, BASE_MS + 1)]);
  expectNothingKept(refused.user());
  expect(refused.receipts).toEqual([]);
  refused.applyAll([consent(2, LATER_MS, true, true), click(3, LATER_MS + 1, 'b')]);
  expect(Object.keys(refused.paths())).toEqual(['20240408 b']);

  const granted = new PartitionLog().applyAll([click(0, BASE_MS, 'a'), opportunity(1, BASE_MS)]);
  expect(granted.user().path).toHaveLength(1);
  expect(granted.receipts).toHaveLength(1);
});

/** What features read of the times that are kept whatever the user agrees to. */
const OF_KEPT_TIMES = ['tenure', 'visit_length', 'since_order', 'order_rate'];

function featuresOf(state: FusedState): Record<string, number> {
  const vector = new Float64Array(FEATURE_COUNT);
  fillFeatures(state, state.nowMs, vector);
  return Object.fromEntries(FEATURES.map(({ name }, i) => [name, vector[i] as number]));
}

test('features start anew after a refusal is taken back, but for how long a user is known', () => {
  const again = [consent(10, LATER_MS + 1, true, true), behavior(11, LATER_MS + 2)];
  const log = wellKnown();
  log.applyAll([consent(9, LATER_MS, false, false), ...again]);
  const fresh = new PartitionLog().applyAll([consent(9, LATER_MS, false, false), ...again]);
  const remembered = ({ evidence, habit, looks, purchases, counted, fusion }: FusedState) => {
    return { evidence, habit, looks, purchases, counted, fusion };
  };
  expect(remembered(log.user())).toEqual(remembered(fresh.user()));
  expect(log.user().counted).toBe(2);
  const found = featuresOf(log.user());
  for (const [name, value] of Object.entries(featuresOf(fresh.user()))) {
    if (!OF_KEPT_TIMES.includes(name)) expect({ [name]: found[name] }).toEqual({ [name]: value });
  }
});

describe('a modality that is withheld', () => {
  const PURCHASE = EVIDENCE_KINDS.indexOf('purchase');
  const purchaseOf = ({ evidence }: FusedState) =>
    evidence.slice(PURCHASE * SCALE_MS.length, (PURCHASE + 1) * SCALE_MS.length);
  const asks = (n: number, withheld?: Modality[]) => consent(n, LATER_MS + n, true, true, withheld);
  const cart = (n: number) => behavior(n, LATER_MS + n, { name: 'add_to_cart' });

  test('is forgotten at once and not learnt again, while decisions go on', () => {
    const log = wellKnown();
    expect(purchaseOf(log.user())[0]).toBeGreaterThan(0);
    const decided = log.receipts.length;
    log.applyAll([asks(9, ['purchase', 'zero_party']), cart(10)]);
    log.apply(opportunity(11, LATER_MS + 11));
    expect(purchaseOf(log.user())).toEqual([0, 0, 0, 0]);
    expect(Object.keys(log.user().interests)).toEqual(['secret-topic']);
    expect(log.user().consent.withheld).toEqual(['purchase', 'zero_party']);
    expect(log.receipts.length).toBeGreaterThan(decided);
    expect(log.actor().value).toMatchObject({ consent: 'granted' });
  });

  test('starts anew when it is allowed again: by the next consent that does not name it', () => {
    const log = wellKnown();
    log.applyAll([asks(9, ['purchase']), cart(10), asks(11), cart(12)]);
    expect(log.user().consent.withheld).toEqual([]);
    expect(purchaseOf(log.user())).toEqual([0.7, 0.7, 0.7, 0.7]);
  });

  test('stays so when an earlier consent arrives later', () => {
    const log = wellKnown();
    log.applyAll([asks(9, ['purchase']), consent(10, BASE_MS, true, true), cart(11)]);
    expect(log.user().consent.withheld).toEqual(['purchase']);
    expect(purchaseOf(log.user())).toEqual([0, 0, 0, 0]);
  });

  test('is held in the order of modalities, each once: equal answers are equal states', () => {
    const log = wellKnown().apply(asks(9, ['churn', 'app', 'churn']));
    expect(log).toMatchObject({ actor: { context: { consent: { withheld: ['app', 'churn'] } } } });
  });

  test('has no part in the concepts, as if nobody measured it', () => {
    const conceptsAfter = (name: string, withheld: Modality[], unmeasured: Modality[] = []) => {
      const log = new PartitionLog();
      log.putSettings(settingsWith({ unmeasured }));
      return log.applyAll([asks(0, withheld), behavior(1, LATER_MS + 1, { name })]).user().concepts;
    };
    const calm = conceptsAfter('something_else', ['churn']);
    expect(conceptsAfter('rage_tap', ['churn'])).toEqual(calm);
    expect(conceptsAfter('something_else', [], ['churn'])).toEqual(calm);
    expect(conceptsAfter('rage_tap', [])).not.toEqual(conceptsAfter('something_else', []));
  });
});
