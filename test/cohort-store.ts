/**
 * Cohorts as the stream would keep them, the last message per subject, and in a form of names and
 * figures that can be compared.
 */
import { Cohorts } from '../actors/channel/cohorts.ts';
import { RULE_MODELS } from '../actors/channel/rule-models.ts';
import type { ChannelsHead, DayCredits, PathChunk } from '../protocols/channel-actor.ts';
import type { PathJournalEntry } from '../protocols/path-journal.ts';
import { CHANNELS_HEAD, creditsSubject, pathChunkSubject } from '../protocols/subjects.ts';

/** Numbers in a row of credits. */
export const CREDIT_COLUMNS = 2 * RULE_MODELS.length;

export class CohortStore {
  /** Body by subject. */
  readonly messages = new Map<string, string>();

  store(cohorts: Cohorts): void {
    const { chunks, credits } = cohorts.takeChanges();
    for (const { day, chunk, body } of chunks) {
      this.messages.set(pathChunkSubject(day, chunk), JSON.stringify(body));
    }
    for (const { day, body } of credits) {
      this.messages.set(creditsSubject(day), JSON.stringify(body));
    }
    this.messages.set(CHANNELS_HEAD, JSON.stringify(cohorts.head(1)));
  }

  /** The cohorts as they were stored last. */
  load(): Cohorts {
    const head = this.messages.get(CHANNELS_HEAD);
    const cohorts = new Cohorts(
      head === undefined ? undefined : (JSON.parse(head) as ChannelsHead),
    );
    for (const [subject, body] of this.messages) {
      const [, kind, day = ''] = subject.split('.');
      if (kind === 'paths') cohorts.loadChunk(day, JSON.parse(body) as PathChunk);
      if (kind === 'credits') cohorts.loadCredits(day, JSON.parse(body) as DayCredits);
    }
    return cohorts;
  }

  /** The largest message of a kind, `paths`, `credits` or `head`, in bytes. */
  largest(kind: string): number {
    const sizes = [...this.messages].map(([subject, body]) => {
      return subject.split('.')[1] === kind ? Buffer.byteLength(body) : 0;
    });
    return Math.max(0, ...sizes);
  }
}

/** What cohorts say, by name. */
export interface NamedCohorts {
  /** Last commit by partition. */
  readonly positions: Readonly<Record<string, number>>;
  /** Chunks by day. */
  readonly chunks: Readonly<Record<string, number>>;
  /** `path <day> a > b`, `channel <day> a`, `campaign <day> x` and `pair <day> a>x`. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

/** Cohorts in a form to compare. O(paths). */
export function named(cohorts: Cohorts): NamedCohorts {
  const { positions, days: chunks, channels } = cohorts.head(1);
  const figures: Record<string, readonly number[]> = {};
  for (const [day, { table, credits }] of cohorts.days) {
    for (const { path, conversions, nulls, value } of table.rows()) {
      const names = Array.from({ length: path.length }, (_, i) => channels[path.charCodeAt(i)]);
      figures[`path ${day} ${names.join(' > ')}`] = [conversions, nulls, value];
    }
    for (const [name, each] of credits.channel) figures[`channel ${day} ${name}`] = each;
    for (const [name, each] of credits.campaign) figures[`campaign ${day} ${name}`] = each;
    for (const [name, each] of credits.pair) figures[`pair ${day} ${name}`] = each;
  }
  return { positions, chunks, figures };
}

/** A commit's journal of one part, with nothing in it but what is given. */
export function journalOf(sequence: number, more: Partial<PathJournalEntry>): PathJournalEntry {
  const nothing = { days: ['20260401'], channels: [], paths: [], credits: [], has_pairs: true };
  return { v: 2, partition: 0, sequence, part: 0, parts: 1, ...nothing, ...more };
}
