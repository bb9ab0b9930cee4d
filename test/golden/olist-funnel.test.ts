/**
 * The public Olist funnel, 8,000 leads and the 842 of them that signed up to 427 days later,
 * replayed event by event: counts per channel are those of the files, whenever a deal arrives.
 */
import { expect, test } from 'vitest';
import { cohortsBetween, sumCredits, unitedTable } from '../../actors/channel/live-attribution.ts';
import type { Event } from '../../protocols/event.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { MICROS_PER_UNIT } from '../../protocols/money.ts';
import { click, conversion, DAY_MS, HOUR_MS, settingsWith } from '../generators.ts';
import { seededRandom } from '../journeys.ts';
import { PartitionLog } from '../partition-log.ts';
import { readCsv, sharedFile } from '../public-sets.ts';

const LEADS = sharedFile('olist-funnel/olist_marketing_qualified_leads_dataset.csv');
const DEALS = sharedFile('olist-funnel/olist_closed_deals_dataset.csv');
const isAbsent = LEADS === undefined || DEALS === undefined;

/** Longer than the longest delay from contact to deal, 427 days. */
const LOOKBACK_MS = 430 * DAY_MS;
const LATENESS_MS = 30 * DAY_MS;
const SEED = 20_180_531;

/** As the description of the set has it: channel, leads, won. */
const PUBLISHED: Readonly<Record<string, readonly [leads: number, won: number]>> = {
  organic_search: [2_296, 271],
  paid_search: [1_586, 195],
  social: [1_350, 75],
  unknown: [1_099, 179],
  direct_traffic: [499, 56],
  email: [493, 15],
  referral: [284, 24],
  other: [150, 4],
  display: [118, 6],
  other_publicities: [65, 3],
  empty: [60, 14],
};

interface Step {
  readonly user: UserToken;
  readonly event: Event;
}

/** `DD-MM-YYYY`, or with ` HH:MM`, taken as UTC. */
function timeOf(text: string): number {
  const [, day, month, year, hour = '00', minute = '00'] =
    /^(\d\d)-(\d\d)-(\d{4})(?: (\d\d):(\d\d))?$/.exec(text) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
}

/** What the two files say, counted without an engine. */
function readFunnel() {
  const leads = new Map(
    readCsv(LEADS as string).map(({ mql_id = '', first_contact_date = '', origin = '' }) => {
      // A channel's name is never blank: leads without an origin get a channel of their own.
      return [mql_id, { t: timeOf(first_contact_date), channel: origin === '' ? 'empty' : origin }];
    }),
  );
  const deals = readCsv(DEALS as string).map(({ mql_id = '', won_date = '' }) => {
    return { mql_id, t: timeOf(won_date) };
  });
  const counts: Record<string, [leads: number, won: number]> = {};
  const count = (channel: string, column: 0 | 1): void => {
    const row = counts[channel] ?? [0, 0];
    counts[channel] = row;
    row[column]++;
  };
  for (const { channel } of leads.values()) count(channel, 0);
  for (const { mql_id } of deals) count(leads.get(mql_id)?.channel ?? '', 1);
  // One deal is dated two days before the first contact: no touch can have led to it.
  const impossible = deals.filter(({ mql_id, t }) => t < (leads.get(mql_id)?.t ?? 0));
  const steps: Step[] = [
    ...[...leads].map(([mql_id, { t, channel }]) => ({
      user: mql_id as UserToken,
      event: click(0, t, channel),
    })),
    ...deals.map(({ mql_id, t }) => ({
      user: mql_id as UserToken,
      event: conversion(1, t, mql_id, 1),
    })),
  ];
  const causeless = impossible.map(({ mql_id }) => leads.get(mql_id)?.channel ?? '');
  return { steps, counts, causeless };
}

/** The steps in the order in which they arrive, each as late as `delayMs` says. */
function arriving(steps: readonly Step[], delayMs: (step: Step) => number): Step[] {
  return steps
    .map((step) => ({ step, at: step.event.timestamp + delayMs(step) }))
    .sort((a, b) => a.at - b.at)
    .map(({ step }) => step);
}

function replayed(steps: readonly Step[]): PartitionLog {
  const log = new PartitionLog();
  log.putSettings(settingsWith({ lookback_ms: LOOKBACK_MS, lateness_ms: LATENESS_MS }));
  steps.forEach(({ user, event }, i) => {
    expect(log.apply(event, user).verdict).toBe('accepted');
    // A commit now and then, so that its journal is folded as it would be.
    if (i % 500 === 0) void log.cohorts;
  });
  return log;
}

/** Paths and conversions by channel; every path is one touch, for there is one contact a lead. */
function countedByChannel({ cohorts }: PartitionLog): Record<string, [number, number]> {
  const table = unitedTable(cohorts, cohortsBetween(cohorts, '', '~'));
  return Object.fromEntries(
    [...table.rows()].map(({ path, conversions, nulls, value }) => {
      expect(path).toHaveLength(1);
      expect(value).toBe(conversions * MICROS_PER_UNIT);
      return [table.channels[path.charCodeAt(0)] as string, [conversions + nulls, conversions]];
    }),
  );
}

const random = seededRandom(SEED);
const lateUpTo = (maxMs: number): number => Math.floor(random() * maxMs);
const isDeal = ({ event }: Step): boolean => event.type === 'conversion';

const ORDERS = [
  { order: 'everything at its time', delayMs: () => 0 },
  {
    order: 'deals late by up to 30 days, in any order',
    delayMs: (step: Step) => (isDeal(step) ? lateUpTo(LATENESS_MS) : 0),
  },
  {
    order: 'leads late too, so that some deals come before their lead',
    delayMs: () => lateUpTo(LATENESS_MS - HOUR_MS),
  },
];
for (const { order, delayMs } of ORDERS) {
  const name = `Olist, ${order}: paths and conversions per channel are those of the files`;
  test.skipIf(isAbsent)(name, () => expectFileCounts(delayMs));
}

function expectFileCounts(delayMs: (step: Step) => number): void {
  const { steps, counts, causeless } = readFunnel();
  expect(counts).toEqual(PUBLISHED);
  expect(causeless).toHaveLength(1);
  // The deal before its contact is accepted as a conversion without path; its lead, whose contact
  // came later, has not converted since.
  for (const channel of causeless) (counts[channel] as [number, number])[1]--;
  const log = replayed(arriving(steps, delayMs));
  expect(countedByChannel(log)).toEqual(counts);
  expect(log.traffic()).toMatchObject({
    touches: 8_000,
    conversions: 842,
    conversions_without_path: 1,
    touches_outside_window: 0,
    touches_too_late: 0,
    conversions_too_late: 0,
  });
  // With one touch a path, every model gives the deal to the channel of the contact.
  const credits = sumCredits(cohortsBetween(log.cohorts, '', '~'), 'channel');
  for (const [channel, [, won]] of Object.entries(counts)) {
    const models = Object.values(credits.get(channel) ?? {});
    expect(models).toHaveLength(6);
    for (const credit of models) {
      expect(credit).toEqual({ conversions: won, micros: won * MICROS_PER_UNIT });
    }
  }
}
