/**
 * Interests: what a user declared, and what the user's events mention. A mention counts 1 and fades
 * by event time, so the counts do not depend on the order of arrival; what a count is worth as a
 * weight is the model's business. A declared interest is not overruled by browsing.
 */
import type { Event } from '../../protocols/event.ts';
import type { FusedState, Modality } from '../../protocols/user-snapshot.ts';

/** Topics kept per user; the lightest observed one is forgotten first. */
export const MAX_INTERESTS = 32;
/** How fast a mention fades. */
export const INTEREST_MS = 14 * 86_400_000;

type Interests = FusedState['interests'];
type Interest = Interests[string];

/**
 * The interests after an event: declared ones override observed ones.
 *
 * @param withheld modalities of which nothing may be kept: what is declared is zero-party, what is
 *   mentioned is engagement.
 */
export function interestsAfter(
  interests: Interests,
  event: Event,
  withheld: readonly Modality[] = [],
): Interests {
  const isDeclared = event.type === 'preference' && !withheld.includes('zero_party');
  const isMentioned = event.type === 'behavior' && !withheld.includes('engagement');
  const declared = isDeclared ? Object.entries(event.interests ?? {}) : [];
  const mentioned = isMentioned ? (event.topics ?? []) : [];
  if (declared.length === 0 && mentioned.length === 0) return interests;
  const next = { ...interests };
  for (const [topic, weight] of declared) {
    next[topic] = { weight, atMs: event.timestamp, declared: true };
  }
  for (const topic of mentioned) {
    // Names come from outside: "constructor" is a topic like any other.
    const known = Object.hasOwn(next, topic) ? next[topic] : undefined;
    if (known?.declared === true) continue;
    const atMs = Math.max(known?.atMs ?? 0, event.timestamp);
    const before = known === undefined ? 0 : faded(known, atMs);
    next[topic] = {
      weight: before + Math.exp((event.timestamp - atMs) / INTEREST_MS),
      atMs,
      declared: false,
    };
  }
  const topics = Object.keys(next);
  if (topics.length <= MAX_INTERESTS) return next;
  const nowMs = Math.max(...topics.map((topic) => interest(next, topic).atMs));
  const ranked = topics.sort(
    (a, b) => byRank(interest(next, a), interest(next, b), nowMs) || (a < b ? -1 : 1),
  );
  return Object.fromEntries(ranked.slice(0, MAX_INTERESTS).map((t) => [t, interest(next, t)]));
}

/** What is left of the interests when modalities are withheld. */
export function withoutInterests(interests: Interests, withheld: readonly Modality[]): Interests {
  const isGone = ({ declared }: Interest): boolean =>
    withheld.includes(declared ? 'zero_party' : 'engagement');
  return Object.fromEntries(Object.entries(interests).filter(([, each]) => !isGone(each)));
}

/**
 * Interests as weights in [0, 1]: a declared one as it was declared, an observed one as its share
 * of all mentions, as if `prior` mentions had gone elsewhere.
 *
 * @param nowMs when to weigh them, at or after every mention.
 */
export function interestWeights(
  interests: Interests,
  nowMs: number,
  prior: number,
): Record<string, number> {
  let mentions = prior;
  for (const topic in interests) {
    const each = interest(interests, topic);
    if (!each.declared) mentions += faded(each, nowMs);
  }
  const weights: Record<string, number> = {};
  for (const topic in interests) {
    const each = interest(interests, topic);
    if (each.declared) weights[topic] = each.weight;
    else weights[topic] = mentions > 0 ? faded(each, nowMs) / mentions : 0;
  }
  return weights;
}

function faded({ weight, atMs }: Interest, nowMs: number): number {
  return weight * Math.exp((atMs - nowMs) / INTEREST_MS);
}

function interest(interests: Interests, topic: string): Interest {
  return interests[topic] as Interest;
}

/** Declared topics outrank every observed one. */
function byRank(a: Interest, b: Interest, nowMs: number): number {
  if (a.declared !== b.declared) return a.declared ? -1 : 1;
  return a.declared ? b.weight - a.weight : faded(b, nowMs) - faded(a, nowMs);
}
