/**
 * Public data: a randomised test of two e-mails on 64,000 customers (Hillstrom 2008). The engine's
 * choice between the two, learnt on one half, is judged on the other half by inverse propensity:
 * an outcome counts threefold where chance had sent what the engine chooses.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { hash64 } from '../../actors/hash.ts';
import { applyEvent } from '../../actors/partition/apply.ts';
import { newUserActor } from '../../actors/user/actor.ts';
import { type Campaign, MAX_FACTOR, MIN_FACTOR } from '../../protocols/campaign.ts';
import type { Event } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { BASE_MS, campaignWith, common, opportunity } from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';
import { sharedFile } from '../public-sets.ts';

const FILE = sharedFile('hillstrom-email/hillstrom.csv.gz');
/** Three arms of equal size: each was sent with this probability. */
const PROPENSITY = 1 / 3;
const EMAILS = ['Mens E-Mail', 'Womens E-Mail'] as const;
const Z_95 = 1.96;

interface Customer {
  readonly row: number;
  readonly mens: boolean;
  readonly womens: boolean;
  readonly isNew: boolean;
  readonly sent: string;
  readonly visited: number;
}

function customers(file: string): Customer[] {
  const text = gunzipSync(readFileSync(file)).toString();
  const records = parse(text, { columns: true }) as Record<string, string>[];
  return records.map(({ mens, womens, newbie, segment, visit }, row) => {
    const bought = { mens: mens === '1', womens: womens === '1', isNew: newbie === '1' };
    return { row, ...bought, sent: segment ?? '', visited: Number(visit) };
  });
}

/** The kinds of customers that rules tell apart, by what they bought and whether they are new. */
const KINDS = (['mens', 'womens', 'both'] as const).flatMap((bought) =>
  [true, false].map((isNew) => ({ bought, isNew })),
);
type Kind = (typeof KINDS)[number];

function isOfKind({ mens, womens, isNew }: Customer, kind: Kind): boolean {
  const bought = mens && womens ? 'both' : mens ? 'mens' : 'womens';
  return bought === kind.bought && isNew === kind.isNew;
}

function ruleOf({ bought, isNew }: Kind): string {
  const has = (topic: string, yes: boolean): string =>
    `interest("${topic}") ${yes ? '> 0.5' : '< 0.5'}`;
  return [
    has('mens', bought !== 'womens'),
    has('womens', bought !== 'mens'),
    has('newcomers', isNew),
  ].join(' && ');
}

/**
 * Rates of visits by e-mail and kind, drawn towards what kind and e-mail say on their own: as if
 * `prior` more customers of the kind had come at the rate kind x e-mail / all.
 */
function ratesFrom(learnt: readonly Customer[], prior: number): number[][] {
  const isSent = ({ sent }: Customer): boolean => EMAILS.some((email) => email === sent);
  const reached = learnt.filter(isSent);
  const all = rateOf(reached);
  return EMAILS.map((email) => {
    const own = reached.filter(({ sent }) => sent === email);
    return KINDS.map((kind) => {
      const ofKind = reached.filter((customer) => isOfKind(customer, kind));
      const cell = ofKind.filter(({ sent }) => sent === email);
      const drawn = (rateOf(ofKind) * rateOf(own)) / all;
      return (rateOf(cell) * cell.length + drawn * prior) / (cell.length + prior);
    });
  });
}

function rateOf(some: readonly Customer[]): number {
  return meanOf(some.map(({ visited }) => visited));
}

/** Strengths of the prior to choose from, in customers, and parts of the half to choose by. */
const PRIORS = [0, 500, 2_000, 8_000, 32_000];
const FOLDS = 5;

/** The strength that does best on parts of the learning half that it was not fitted on. */
function chosenPrior(learnt: readonly Customer[]): number {
  const worth = PRIORS.map((prior) => {
    const byFold = Array.from({ length: FOLDS }, (_, fold) => {
      const isOut = ({ row }: Customer): boolean => row % FOLDS === fold;
      const rates = ratesFrom(
        learnt.filter((customer) => !isOut(customer)),
        prior,
      );
      return meanOf(
        learnt.filter(isOut).map((customer) => {
          const kind = KINDS.findIndex((each) => isOfKind(customer, each));
          const [mens, womens] = rates.map((byKind) => byKind[kind] as number);
          const best = (womens as number) > (mens as number) ? EMAILS[1] : EMAILS[0];
          return customer.sent === best ? customer.visited / PROPENSITY : 0;
        }),
      );
    });
    return meanOf(byFold);
  });
  return PRIORS[worth.indexOf(Math.max(...worth))] as number;
}

/** An e-mail as a campaign whose quality is the rate of visits to expect from it, kind by kind. */
function campaignFrom(email: string, rates: readonly number[]): Campaign {
  const base = meanOf(rates);
  return campaignWith(email.slice(0, email.indexOf(' ')), {
    quality: { base, weights: {} },
    multipliers: KINDS.map((kind, i) => {
      const factor = Math.min(MAX_FACTOR, Math.max(MIN_FACTOR, (rates[i] as number) / base));
      return { when: ruleOf(kind), factor };
    }),
    frequency: { max_per_day: 32, min_spacing_s: 0 },
    triggers: [],
  });
}

/** What the engine sends to a customer of whom it knows the last year's purchases. */
function choiceFor(log: PartitionLog, { row, mens, womens, isNew }: Customer): string {
  const interests = { mens: Number(mens), womens: Number(womens), newcomers: Number(isNew) };
  const known = { ...common(0, BASE_MS), type: 'preference', interests } as Event;
  const user = `customer-${row}` as UserToken;
  let actor = newUserActor();
  for (const [i, event] of [known, opportunity(1, BASE_MS + 1)].entries()) {
    const sequence = (i + 1) as StreamSequence;
    const applied = applyEvent(log.state, actor, { user, sequence, event });
    if (applied.verdict !== 'accepted') throw new Error(`customer ${row}: ${applied.verdict}`);
    actor = applied.actor;
    const winner = applied.receipt?.wins[0]?.campaign;
    if (winner !== undefined) return `${winner} E-Mail`;
  }
  throw new Error(`customer ${row}: nobody won`);
}

/** Mean and 95 % interval of a sample. */
function estimate(values: readonly number[]): { mean: number; low: number; high: number } {
  const mean = meanOf(values);
  const variance = meanOf(values.map((value) => (value - mean) ** 2));
  const margin = Z_95 * Math.sqrt(variance / values.length);
  return { mean, low: mean - margin, high: mean + margin };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What each held-out customer is worth under the engine's choice and under the Mens e-mail. */
interface Worths {
  readonly byEngine: readonly number[];
  readonly alwaysMens: readonly number[];
  readonly womens: number;
}

/** Learns on some customers and judges on others. */
function judged(learnt: readonly Customer[], held: readonly Customer[]): Worths {
  const rates = ratesFrom(learnt, chosenPrior(learnt));
  const log = new PartitionLog();
  EMAILS.forEach((email, i) => {
    log.putCampaign(campaignFrom(email, rates[i] as number[]), 1e14);
  });
  const chosen = held.map((customer) => choiceFor(log, customer));
  const worth = (choice: (i: number) => string): number[] =>
    held.map(({ sent, visited }, i) => (sent === choice(i) ? visited / PROPENSITY : 0));
  return {
    byEngine: worth((i) => chosen[i] as string),
    alwaysMens: worth(() => EMAILS[0]),
    womens: chosen.filter((choice) => choice === EMAILS[1]).length,
  };
}

function rowOf(name: string, { byEngine, alwaysMens, womens }: Worths): string {
  const gain = byEngine.map((value, i) => value - (alwaysMens[i] as number));
  const shown = [byEngine, alwaysMens, gain].map((values) => {
    const { mean, low, high } = estimate(values);
    return `${mean.toFixed(4)} (${low.toFixed(4)} … ${high.toFixed(4)})`;
  });
  const share = ((100 * womens) / byEngine.length).toFixed(0);
  return `| ${name} | ${share} % | ${shown.join(' | ')} |`;
}

test.skipIf(FILE === undefined)(
  'on held-out customers, choosing by quality is reported against always sending the Mens e-mail',
  () => {
    const all = customers(FILE as string);
    const isFirst = ({ row }: Customer): boolean => hash64(String(row)).charCodeAt(0) % 2 === 0;
    const [first, second] = [all.filter(isFirst), all.filter((each) => !isFirst(each))];
    const onSecond = judged(first, second);
    const onFirst = judged(second, first);
    const both = {
      byEngine: [...onSecond.byEngine, ...onFirst.byEngine],
      alwaysMens: [...onSecond.alwaysMens, ...onFirst.alwaysMens],
      womens: onSecond.womens + onFirst.womens,
    };
    const table = [
      rowOf('the second half, learnt on the first', onSecond),
      rowOf('the first half, learnt on the second', onFirst),
      rowOf('both', both),
    ].join('\n');
    const page = readFileSync(join(projectRoot(), 'docs', 'lift.md'), 'utf8');
    expect(page, `docs/lift.md has to say:\n${table}`).toContain(table);
    // Over all customers, always Mens is worth what its arm shows, but for the arm's size.
    const { mean } = estimate(both.alwaysMens);
    expect(mean).toBeCloseTo((0.182757 * 21_307) / (64_000 / 3), 5);
  },
  60_000,
);
