/**
 * Dead letters, from docs/semantics.md: one for every message of the log that is refused, and none
 * for any other.
 */
import { deadLetterSchema, excerptOf } from '../../protocols/dead-letter.ts';
import type { Partition, StreamSequence } from '../../protocols/ids.ts';
import { deadLetterSubject, straySubject } from '../../protocols/subjects.ts';
import type { Differences } from './differences.ts';
import { readerOf, type StoredView } from './stored-view.ts';

const readLetter = readerOf('deadLetter', deadLetterSchema);

/** One message of the log. */
export interface AuditRecord {
  readonly sequence: number;
  readonly subject: string;
  readonly body: Uint8Array;
  /** When the log stored it, Unix ms. */
  readonly storedAtMs: number;
}

export class LetterCheck {
  /** The last stray event that has a letter; 0 without any. */
  readonly lastStray: number;
  readonly #stored: StoredView;
  readonly #differences: Differences;
  #count = 0;

  constructor(stored: StoredView, differences: Differences) {
    this.#stored = stored;
    this.#differences = differences;
    let lastStray = 0;
    for (const subject of stored.subjects) {
      const [head, sequence] = subject.split('.');
      if (head === 'stray') lastStray = Math.max(lastStray, Number(sequence));
    }
    this.lastStray = lastStray;
  }

  /** How many messages were refused. */
  get count(): number {
    return this.#count;
  }

  /** Whether the engine gave a message up by a fault of its own, which is a difference. */
  isBlamed(partition: number, record: AuditRecord): boolean {
    const subject = letterOf(partition, record);
    if (!this.#stored.has(subject)) return false;
    const letter = this.#stored.peek(subject, readLetter);
    if (letter?.field !== 'event') return false;
    this.#differences.add(subject, 'an event that can be applied', letter.found);
    return true;
  }

  /** A message of a partition's log was refused because of a field. */
  refused(partition: number, record: AuditRecord, field: string): void {
    this.#check(letterOf(partition, record), record, { partition, field });
  }

  /**
   * A message that is in no partition's log. Its letter is the coordinator's, who writes them in
   * order and in its own time: it may be missing if no later one is there.
   */
  stray(record: AuditRecord): void {
    if (record.sequence > this.lastStray) return;
    this.#check(straySubject(record.sequence as StreamSequence), record, { field: 'user_id' });
  }

  #check(subject: string, record: AuditRecord, facts: { field: string; partition?: number }): void {
    this.#count++;
    if (!this.#stored.has(subject)) {
      this.#differences.add(subject, `a dead letter: ${facts.field} is wrong`, undefined);
      return;
    }
    const letter = this.#stored.take(subject, readLetter);
    if (letter === undefined) return;
    // The words may come from another release's parser; what they are about may not differ.
    const { expected: _, found: __, hint: ___, ...found } = letter;
    const { sequence, body } = record;
    const message = { sequence, subject: record.subject, bytes: body.length };
    const expected = { v: 1, ...facts, ...message, excerpt: excerptOf(body) };
    this.#differences.compare(subject, expected, found);
  }
}

function letterOf(partition: number, { sequence }: AuditRecord): string {
  return deadLetterSubject(partition as Partition, sequence as StreamSequence);
}
