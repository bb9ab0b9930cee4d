/**
 * The prior of interest weights by maximum likelihood: before each look, the chance of the topics
 * that it mentions, by the production weights of the mentions so far. What the weights leave goes
 * to topics that were not mentioned yet, each alike.
 */
import { interestsAfter, interestWeights } from '../../actors/user/interests.ts';
import type { UserLog } from './data/user-log.ts';
import { calibration } from './metrics.ts';

/** One mention that came, and what was known before. */
interface Mention {
  /** Mentions so far, faded, by topic. */
  readonly counts: Readonly<Record<string, number>>;
  readonly topic: string;
}

/** Where the prior may lie. */
const PRIOR_MAX = 50;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const SEARCH_STEPS = 40;
const DIGITS = 2;
/** A chance of 0 has no logarithm. */
const LEAST_CHANCE = 1e-6;

/** How good interest weights are on people that the prior was not found on. */
export interface InterestFigures {
  readonly mentions: number;
  readonly topics: number;
  /** Mean -ln of the chance of the topic that came, in nats. */
  readonly logLoss: number;
  readonly logLossWithoutPrior: number;
  readonly logLossUniform: number;
  /** Of the weights of known topics against whether the next mention is of them. */
  readonly ece: number;
  readonly eceWithoutPrior: number;
}

/** The prior that makes the mentions of these people most likely, by golden section. */
export function fitInterestPrior(logs: readonly UserLog[]): number {
  const mentions = mentionsOf(logs);
  const topics = topicsOf(logs);
  const loss = (prior: number): number => lossOf(mentions, prior, topics);
  let [low, high] = [0, PRIOR_MAX];
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const a = high - GOLDEN * (high - low);
    const b = low + GOLDEN * (high - low);
    if (loss(a) <= loss(b)) high = b;
    else low = a;
  }
  return Number(((low + high) / 2).toFixed(DIGITS));
}

/** Judges a prior on other people. @param trained those that it was found on; they name topics. */
export function interestFigures(
  trained: readonly UserLog[],
  tested: readonly UserLog[],
  prior: number,
): InterestFigures {
  const mentions = mentionsOf(tested);
  const topics = topicsOf(trained);
  return {
    mentions: mentions.length,
    topics,
    logLoss: lossOf(mentions, prior, topics),
    logLossWithoutPrior: lossOf(mentions, 0, topics),
    logLossUniform: Math.log(topics),
    ece: eceOf(mentions, prior),
    eceWithoutPrior: eceOf(mentions, 0),
  };
}

function mentionsOf(logs: readonly UserLog[]): Mention[] {
  return logs.flatMap(({ events }) => {
    const mentions: Mention[] = [];
    let interests: Parameters<typeof interestsAfter>[0] = {};
    for (const event of events) {
      if (event.type === 'behavior' && event.topics !== undefined) {
        const known = interests;
        const faded = Object.keys(known).length === 0 ? {} : countsAt(known, event.timestamp);
        for (const topic of event.topics) mentions.push({ counts: faded, topic });
      }
      interests = interestsAfter(interests, event);
    }
    return mentions;
  });
}

/** With a prior of 1, a weight w of n mentions in all is w (n + 1). */
function countsAt(
  interests: Parameters<typeof interestsAfter>[0],
  nowMs: number,
): Record<string, number> {
  const weights = interestWeights(interests, nowMs, 1);
  const share = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const all = share / (1 - share);
  return Object.fromEntries(Object.entries(weights).map(([t, w]) => [t, w * (all + 1)]));
}

function lossOf(mentions: readonly Mention[], prior: number, topics: number): number {
  let sum = 0;
  for (const { counts, topic } of mentions) {
    let all = prior;
    let known = 0;
    for (const each in counts) {
      all += counts[each] as number;
      known++;
    }
    const count = Object.hasOwn(counts, topic) ? counts[topic] : undefined;
    const rest = all === 0 ? 1 : prior / all;
    const chance = count === undefined ? rest / Math.max(1, topics - known) : count / all;
    sum -= Math.log(Math.max(LEAST_CHANCE, chance));
  }
  return sum / mentions.length;
}

function eceOf(mentions: readonly Mention[], prior: number): number {
  const weights: number[] = [];
  const labels: number[] = [];
  for (const { counts, topic } of mentions) {
    const all = Object.values(counts).reduce((sum, count) => sum + count, prior);
    for (const each in counts) {
      weights.push(Math.min(1, (counts[each] as number) / all));
      labels.push(each === topic ? 1 : 0);
    }
  }
  return calibration(weights, labels).ece;
}

function topicsOf(logs: readonly UserLog[]): number {
  const topics = new Set<string>();
  for (const { events } of logs) {
    for (const event of events) {
      if (event.type === 'behavior') for (const topic of event.topics ?? []) topics.add(topic);
    }
  }
  return topics.size;
}
