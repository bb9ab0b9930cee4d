/**
 * The store as of the cut: each message is taken once, by whoever expects it, so that what is left
 * at the end is what nothing in the log explains.
 */
import { z } from 'zod';
import { upcast } from '../../protocols/upcast.ts';
import type { Differences } from './differences.ts';

/** Reads a stored message of any released version; throws if it is not what it should be. */
export type Reader<T> = (json: unknown) => T;

/** A reader of messages that a schema describes. They come as stored: a field too many stays. */
export function readerOf<S extends z.ZodType>(
  kind: Parameters<typeof upcast>[0],
  schema: S,
): Reader<z.infer<S>> {
  return (json) => {
    const message = upcast(kind, json);
    schema.parse(message);
    return message as z.infer<S>;
  };
}

const utf8 = new TextDecoder();

export class StoredView {
  readonly #messages: Map<string, Uint8Array>;
  readonly #differences: Differences;

  /** @param messages last values by subject; they are removed as they are taken. */
  constructor(messages: Map<string, Uint8Array>, differences: Differences) {
    this.#messages = messages;
    this.#differences = differences;
  }

  get subjects(): Iterable<string> {
    return this.#messages.keys();
  }

  has(subject: string): boolean {
    return this.#messages.has(subject);
  }

  /** A message, without taking it; undefined, and a difference, if it cannot be read. */
  peek<T>(subject: string, read: Reader<T>): T | undefined {
    const body = this.#messages.get(subject);
    if (body === undefined) return undefined;
    try {
      return read(JSON.parse(utf8.decode(body)));
    } catch (error) {
      const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      this.#differences.add(subject, 'a message as its schema describes it', problem);
      return undefined;
    }
  }

  /** Takes a message; see peek. */
  take<T>(subject: string, read: Reader<T>): T | undefined {
    const value = this.peek(subject, read);
    this.drop(subject);
    return value;
  }

  /** Takes a message without looking at it. */
  drop(subject: string): void {
    this.#messages.delete(subject);
  }
}
