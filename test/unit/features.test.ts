/** What one event says about each modality, as docs/semantics.md tables it. */
import { describe, expect, test } from 'vitest';
import { addEvidence, evidenceOf, level, NO_EVIDENCE } from '../../actors/user/features.ts';
import { evolveFusion, fusionNodes } from '../../actors/user/fusion.ts';
import { conceptsOf, intentsOf, leadingConcept } from '../../actors/user/intents.ts';
import { SCALE_MS } from '../../actors/user/model.ts';
import type { Event } from '../../protocols/event.ts';
import { MODALITIES } from '../../protocols/user-snapshot.ts';
import { BASE_MS, common, DAY_MS, HOUR_MS, MINUTE_MS } from '../generators.ts';

const APP_ONLY = [1, 0, 0, 0, 0, 0];

function said(content: object, opensSession = false): readonly number[] {
  return evidenceOf({ ...common(1, BASE_MS), ...content } as Event, opensSession);
}

describe('the evidence of an event', () => {
  test.each([
    [{ type: 'behavior' }, APP_ONLY],
    [{ type: 'behavior', name: 'view_item' }, [1, 0, 0.2, 0.15, 0, 0]],
    [{ type: 'behavior', name: 'uninstall' }, [1, 0, 0, 0, 2, 0]],
    [{ type: 'behavior', name: 'unheard_of' }, APP_ONLY],
    [{ type: 'behavior', name: 'constructor' }, APP_ONLY],
    [{ type: 'behavior', vectors: { active_duration_s: 30 } }, [1, 0, 0.5, 0, 0, 0]],
    [{ type: 'behavior', vectors: { scroll_depth_hz: 180 } }, [1, 0, 0.75, 0, 0, 0]],
    [{ type: 'behavior', vectors: { active_duration_s: -30, scroll_depth_hz: 0 } }, APP_ONLY],
    [{ type: 'behavior', vectors: { rage_taps: 2, errors: 2 } }, [1, 0, 0, 0, 1, 0]],
    [{ type: 'behavior', vectors: { tap_velocity_ms: 79 } }, [1, 0, 0, 0, 0.2, 0]],
    [{ type: 'behavior', vectors: { tap_velocity_ms: 80 } }, APP_ONLY],
    [{ type: 'behavior', vectors: { tap_velocity_ms: -1 } }, APP_ONLY],
    [{ type: 'impression', channel: 'a' }, [1, 0, 0.05, 0, 0, 0]],
    [{ type: 'click', channel: 'a' }, [1, 0, 0.3, 0.1, 0, 0]],
    [{ type: 'conversion' }, [1, 0, 0.5, 2, 0, 0]],
    [{ type: 'refund' }, [1, 0, 0, 0, 0.8, 0]],
    [{ type: 'preference' }, [1, 0, 0.2, 0, 0, 1]],
    [{ type: 'consent' }, [1, 0, 0, 0, 0, 0.2]],
    [{ type: 'opportunity' }, [1, 0, 0.05, 0, 0, 0]],
    [{ type: 'outcome', outcome: 'shown' }, APP_ONLY],
    [{ type: 'outcome', outcome: 'clicked' }, [1, 0, 0.5, 0, 0, 0]],
    [{ type: 'outcome', outcome: 'dismissed' }, [1, 0, 0, 0, 0.3, 0]],
  ])('%j', (content, expected) => {
    const found = said(content);
    expect(found.map((x) => Math.round(x * 1e12) / 1e12)).toEqual(expected);
  });

  test('that opens a session is temporal evidence too', () => {
    expect(said({ type: 'click', channel: 'a' }, true)).toEqual([1, 1, 0.3, 0.1, 0, 0]);
  });
});

describe('evidence over time', () => {
  const one = [1, 0, 0, 0, 0, 0];

  test('decays to 1/e over each of its three time scales', () => {
    expect(SCALE_MS).toEqual([30 * MINUTE_MS, DAY_MS, 14 * DAY_MS]);
    const fresh = addEvidence(NO_EVIDENCE, BASE_MS, BASE_MS, BASE_MS, one);
    expect(fresh.slice(0, 3)).toEqual([1, 1, 1]);
    SCALE_MS.forEach((tau, k) => {
      const later = addEvidence(fresh, BASE_MS, BASE_MS + tau, BASE_MS + tau, [0, 0, 0, 0, 0, 0]);
      expect(later[k]).toBeCloseTo(Math.exp(-1), 12);
    });
  });

  test('of an event that comes late has decayed since it happened', () => {
    const now = BASE_MS + HOUR_MS;
    const late = addEvidence(NO_EVIDENCE, now, now, BASE_MS, one);
    expect(late[0]).toBeCloseTo(Math.exp(-2), 12);
    expect(late[1]).toBeCloseTo(Math.exp(-1 / 24), 12);
  });

  test('has levels from 0, with nothing, towards 1', () => {
    expect(level(NO_EVIDENCE, 0, 0)).toBe(0);
    const evidence = NO_EVIDENCE.map((_, cell) => (cell === 0 ? 6 : cell === 1 ? 1e9 : 0));
    expect(level(evidence, 0, 0)).toBeCloseTo(1 - Math.exp(-1), 12);
    expect(level(evidence, 0, 1)).toBe(1);
  });
});

describe('the fused state', () => {
  const busy = fusionNodes(NO_EVIDENCE.map((_, cell) => (cell < 3 ? 10 : 2)));

  test('starts at its drive and then follows it, half-way in 2 minutes x ln 2', () => {
    const drive = evolveFusion(undefined, busy, 0);
    expect(evolveFusion(drive, busy, HOUR_MS)).toEqual(drive);
    const still = drive.map(() => 0);
    expect(evolveFusion(still, busy, 0)).toEqual(still);
    const half = evolveFusion(still, busy, 2 * MINUTE_MS * Math.log(2));
    half.forEach((x, i) => {
      expect(x).toBeCloseTo((drive[i] as number) / 2, 12);
    });
  });

  test('is pulled along the edges: by confidence, towards the other level', () => {
    const order = ['app', 'temporal', 'engagement', 'purchase', 'churn', 'zero_party'];
    expect(MODALITIES).toEqual(order);
    const nodes = {
      level: [0.8, 0.2, 0.5, 0.4, 0.6, 0],
      trend: [0, 0, 0.2, 0, -0.4, 0],
      confidence: [0.5, 1, 0.5, 1, 1, 1],
    };
    const [app, temporal, engagement, purchase, churn, zeroParty] = evolveFusion(
      undefined,
      nodes,
      0,
    );
    expect([app, zeroParty]).toEqual([0.8, 0]);
    expect(temporal).toBeCloseTo(0.2 + 0.1 * 0.5 * 0.6, 12);
    const pulls = 0.1 * 0.5 * 0.3 - 0.15 * 0.1 + 0.05 * -0.5;
    expect(engagement).toBeCloseTo(0.5 + 0.5 * 0.2 + pulls, 12);
    expect(purchase).toBeCloseTo(0.4 + 0.1 * 0.5 * 0.1 + 0.05 * -0.4 - 0.05 * 0.2, 12);
    expect(churn).toBeCloseTo(0.6 - 0.5 * 0.4 - 0.1 * 0.5 * -0.1 - 0.1 * -0.4, 12);
  });

  test('is held to 0 … 1', () => {
    const rising = { level: [1, 1, 1, 1, 1, 1], trend: [1, 1, 1, 1, 1, 1] };
    const falling = { level: [0, 0, 0, 0, 0, 0], trend: [-1, -1, -1, -1, -1, -1] };
    const confidence = [1, 1, 1, 1, 1, 1];
    expect(Math.max(...evolveFusion(undefined, { ...rising, confidence }, 0))).toBe(1);
    expect(Math.min(...evolveFusion(undefined, { ...falling, confidence }, 0))).toBe(0);
  });

  test('without evidence gives one fixed, low reading', () => {
    const nodes = fusionNodes(NO_EVIDENCE);
    expect(nodes.confidence).toEqual([0, 0, 0, 0, 0, 0]);
    const concepts = conceptsOf(evolveFusion(undefined, nodes, 0), nodes);
    expect(Math.max(...Object.values(concepts))).toBeLessThan(0.25);
    expect(intentsOf(concepts).purchase_intent).toBeLessThan(0.15);
  });
});

test('the leading concept is named with its level', () => {
  const flat = { frustration: 0, stickiness: 0, drop_off: 0, hesitation: 0 };
  const of = (urgency: number) => leadingConcept({ ...flat, urgency, curiosity: 0.1 });
  expect([0.9, 0.66, 0.5, 0.33, 0.2].map(of)).toEqual([
    ...['high_urgency', 'high_urgency', 'moderate_urgency', 'moderate_urgency', 'low_urgency'],
  ]);
});
