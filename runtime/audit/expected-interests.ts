/**
 * Interests, from docs/semantics.md: what was declared, and every mention of the topics known.
 */
import { INTEREST_MS, MAX_INTERESTS } from '../../actors/user/interests.ts';
import type { Event } from '../../protocols/event.ts';
import type { FusedState, Modality } from '../../protocols/user-snapshot.ts';

interface Declared {
  readonly weight: number;
  readonly atMs: number;
}

/** An observed topic's mentions, and their count as of the latest. */
interface Mentioned {
  readonly times: number[];
  atMs: number;
  count: number;
}

export class ExpectedInterests {
  readonly #declared = new Map<string, Declared>();
  readonly #mentioned = new Map<string, Mentioned>();

  /** Takes in an event that counts. */
  take(event: Event, withheld: readonly Modality[]): void {
    if (withheld.includes('zero_party')) this.#declared.clear();
    else if (event.type === 'preference') this.#declare(event);
    if (withheld.includes('engagement')) this.#mentioned.clear();
    else if (event.type === 'behavior') {
      for (const topic of event.topics ?? []) this.#mention(topic, event.timestamp);
    }
    if (this.#declared.size + this.#mentioned.size > MAX_INTERESTS) this.#forgetSome();
  }

  /** As stored. */
  stored(): FusedState['interests'] {
    const interests: [string, FusedState['interests'][string]][] = [];
    for (const [topic, { weight, atMs }] of this.#declared) {
      interests.push([topic, { weight, atMs, declared: true }]);
    }
    for (const [topic, { times }] of this.#mentioned) {
      const atMs = times.reduce((a, b) => Math.max(a, b));
      const weight = times.reduce((sum, t) => sum + Math.exp(-(atMs - t) / INTEREST_MS), 0);
      interests.push([topic, { weight, atMs, declared: false }]);
    }
    return Object.fromEntries(interests);
  }

  /**
   * The interests in some topics as weights: a declared one as declared, a mentioned one as its
   * share of all mentions, each faded until now, and of `prior` more that went elsewhere.
   */
  weights(topics: ReadonlySet<string>, nowMs: number, prior: number): Record<string, number> {
    const mentions = [...this.#mentioned].map(([topic, { times }]) => {
      const count = times.reduce((sum, t) => sum + Math.exp(-(nowMs - t) / INTEREST_MS), 0);
      return [topic, count] as const;
    });
    const all = mentions.reduce((sum, [, count]) => sum + count, prior);
    const shares = mentions.map(([topic, count]) => [topic, all > 0 ? count / all : 0] as const);
    const declared = [...this.#declared].map(([topic, { weight }]) => [topic, weight] as const);
    return Object.fromEntries([...declared, ...shares].filter(([topic]) => topics.has(topic)));
  }

  #declare({ interests, timestamp: atMs }: Extract<Event, { type: 'preference' }>): void {
    for (const [topic, weight] of Object.entries(interests ?? {})) {
      this.#declared.set(topic, { weight, atMs });
      this.#mentioned.delete(topic);
    }
  }

  #mention(topic: string, t: number): void {
    if (this.#declared.has(topic)) return;
    const known = this.#mentioned.get(topic) ?? { times: [], atMs: t, count: 0 };
    this.#mentioned.set(topic, known);
    known.times.push(t);
    const atMs = Math.max(known.atMs, t);
    known.count = countAt(known, atMs) + Math.exp(-(atMs - t) / INTEREST_MS);
    known.atMs = atMs;
  }

  /** Keeps the heaviest MAX_INTERESTS, the declared ones first. */
  #forgetSome(): void {
    let nowMs = 0;
    for (const { atMs } of this.#declared.values()) nowMs = Math.max(nowMs, atMs);
    for (const { atMs } of this.#mentioned.values()) nowMs = Math.max(nowMs, atMs);
    const declared = [...this.#declared].map(([topic, { weight }]) => [topic, weight] as const);
    const mentioned = [...this.#mentioned].map(
      ([topic, known]) => [topic, countAt(known, nowMs)] as const,
    );
    const ranked = [...declared.sort(byWeight), ...mentioned.sort(byWeight)];
    for (const [topic] of ranked.slice(MAX_INTERESTS)) {
      this.#declared.delete(topic);
      this.#mentioned.delete(topic);
    }
  }
}

function countAt({ count, atMs }: Mentioned, nowMs: number): number {
  return count * Math.exp(-(nowMs - atMs) / INTEREST_MS);
}

function byWeight([a, x]: readonly [string, number], [b, y]: readonly [string, number]): number {
  return y - x || (a < b ? -1 : 1);
}
