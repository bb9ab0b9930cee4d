/**
 * The audit against the actors, without a server: the actors take in a log event by event, the
 * audit calculates the same from the page; on any log they must agree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ChannelRules } from '../../protocols/channel-rules.ts';
import { Differences } from '../../runtime/audit/differences.ts';
import { LogReplay } from '../../runtime/audit/replay.ts';
import { StoredView } from '../../runtime/audit/stored-view.ts';
import { ActorsRun, auditOf, journeysOf, NOW_MS } from '../actors-run.ts';
import { type JourneyOptions, withLogTimes } from '../journeys.ts';
import { modelWith } from '../models.ts';

const RUNS = Number(process.env.AUDIT_RUNS ?? 3);
const FIRST_SEED = Number(process.env.AUDIT_SEED ?? 1);
const SEEDS = Array.from({ length: RUNS }, (_, i) => FIRST_SEED + i);

const HOUR_MS = 3_600_000;

/** Opportunities that many campaigns win, each a trial of its own. */
const GENEROUS = {
  reserve_micros: 0,
  courtesy: { max_per_day: 32, min_spacing_s: 0 },
  placements: { home: { slots: 8 }, cart: { slots: 8 }, side: { slots: 8 } },
};

const OTHER_RULES: ChannelRules = {
  version: 'other-1',
  rules: [{ channel: 'by medium', when: [{ field: 'medium', matches: '.' }] }],
  fallback: 'by something else',
};

const SCENARIOS: readonly (readonly [string, Partial<JourneyOptions>])[] = [
  ['on any journeys', {}],
  ['with three users who never rest', { users: 3, messages: 2_500 }],
  [
    'when nothing is ever too late',
    { users: 3, messages: 2_500, settings: [{ lateness_ms: 400 * 24 * HOUR_MS }] },
  ],
  [
    'with paths too long to be kept',
    { users: 2, touchRate: 0.97, settings: [{ lateness_ms: 400 * 24 * HOUR_MS }] },
  ],
  [
    'with a short window and long lateness',
    { settings: [{ lookback_ms: 10 * HOUR_MS, lateness_ms: 100 * HOUR_MS }] },
  ],
  ['when nothing may be late', { settings: [{ lateness_ms: 0 }] }],
  [
    'while lateness changes',
    { controlRate: 0.02, settings: [{ lateness_ms: 0 }, { lateness_ms: 500 * HOUR_MS }] },
  ],
  [
    'while the lookback window changes',
    {
      controlRate: 0.02,
      settings: [{ lookback_ms: 10 * HOUR_MS }, { lookback_ms: 900 * HOUR_MS }],
    },
  ],
  [
    'while the sample of users changes',
    {
      controlRate: 0.02,
      settings: [{}, { path_sample_ppm: 500_000 }, { path_sample_ppm: 200_000 }],
    },
  ],
  [
    'while campaigns and settings change all the time',
    { users: 4, messages: 2_500, controlRate: 0.04 },
  ],
  ['with more campaigns than a receipt lists', { users: 4, campaigns: 200 }],
  [
    'while all campaigns are held out from more or fewer users',
    { controlRate: 0.02, settings: [{ holdout_ppm: 450_000 }, { holdout_ppm: 200_000 }] },
  ],
  [
    'while those who were never asked have agreed, or not',
    {
      ...{ users: 80, messages: 3_000, controlRate: 0.03 },
      settings: [{ ...GENEROUS }, { ...GENEROUS, consent_default: 'refused' }],
    },
  ],
  [
    'with more trials than a user keeps',
    {
      ...{ users: 2, messages: 2_000, campaigns: 60, controlRate: 0.02 },
      settings: [24, 24 * 7].map((hours) => ({ ...GENEROUS, outcome_window_ms: hours * HOUR_MS })),
    },
  ],
  [
    'while channels are derived by other rules',
    { controlRate: 0.02, settings: [{}, { channel_rules: OTHER_RULES }] },
  ],
];

test.for(SCENARIOS)('the actors and the page agree %s', { timeout: 1_000_000 }, ([, options]) => {
  for (const seed of SEEDS) {
    const log = withLogTimes(journeysOf(seed, options), NOW_MS, seed);
    const found = auditOf(new ActorsRun(log));
    expect(found, `AUDIT_RUNS=1 AUDIT_SEED=${seed}`).toEqual([]);
  }
});

test('a log with a model whose concepts are those of a network cannot be audited', () => {
  const differences = new Differences(20);
  const replay = new LogReplay(new StoredView(new Map(), differences), differences);
  const model = modelWith({ version: 5, network: { sha256: '0'.repeat(64) } });
  const put = JSON.stringify({ v: 2, type: 'model.put', version: 5, model });
  const body = new TextEncoder().encode(put);
  const record = { sequence: 1, subject: 'events.0.control.put', body, storedAtMs: 0 };
  expect(() => replay.take(record)).toThrow(/expected models .*network/);
});

test('the audit shares no code with the actors that it checks, but for constants', () => {
  const functions = new Map([
    ['hash.ts', ['hash64']],
    ['campaign/rules.ts', ['mistakeIn']],
    ['channel/derive-channel.ts', ['channelOf', 'rulesOf']],
    ['channel/sampling.ts', ['isSampled']],
  ]);
  const folder = new URL('../../runtime/audit/', import.meta.url);
  const texts = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const imports = texts.flatMap((text) => [
    ...text.matchAll(/import (?:type )?\{([^}]*)\} from '[./]+\/actors\/([\w/-]+\.ts)'/g),
  ]);
  const mentions = texts.flatMap((text) => [...text.matchAll(/\/actors\/[\w/-]+\.ts'/g)]);
  expect(imports).toHaveLength(mentions.length);
  const used = imports.flatMap(([, names = '', path = '']) =>
    names.split(',').map((name) => [path, name.trim()] as const),
  );
  expect(used.length).toBeGreaterThan(10);
  const isConstant = (name: string): boolean => /^[A-Z][A-Z0-9_]*$/.test(name);
  const code = used.filter(([path, name]) => {
    return name !== '' && !isConstant(name) && !functions.get(path)?.includes(name);
  });
  expect(code).toEqual([]);
});
