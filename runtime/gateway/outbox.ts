/**
 * What waits for a reader of live figures who is slower than they come.
 *
 * Feeds are states, so of most only the newest frame waits. Bounds: `keep` frames of an event.
 */

/** One server-sent event, made once for all who hear it. */
export interface Frame {
  readonly event: string;
  /** Of two frames of an event with one key, the newer one takes the older one's place. */
  readonly key: string;
  /** How many frames of the event may wait; beyond, the oldest goes. */
  readonly keep: number;
  readonly bytes: Buffer;
}

/** Frames by event and key, taken in turns over the events: none keeps another from its turn. */
export class Outbox {
  readonly #waiting = new Map<string, Map<string, Buffer>>();

  put({ event, key, keep, bytes }: Frame): void {
    let frames = this.#waiting.get(event);
    if (frames === undefined) {
      frames = new Map();
      this.#waiting.set(event, frames);
    }
    frames.set(key, bytes);
    if (frames.size <= keep) return;
    const [oldest] = frames.keys();
    frames.delete(oldest as string);
  }

  /** The next frame, which waits no longer; undefined if none does. */
  take(): Buffer | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [event, frames] = first;
    const [next] = frames;
    this.#waiting.delete(event);
    if (next === undefined) return undefined;
    const [key, bytes] = next;
    frames.delete(key);
    if (frames.size > 0) this.#waiting.set(event, frames);
    return bytes;
  }
}

const [CR, LF, SPACE] = [0x0d, 0x0a, 0x20];

/**
 * A server-sent event with JSON as it came. The bytes of a line's end, which JSON has only between
 * its tokens, become spaces, because they would end the event's line. Cost: one copy.
 */
export function eventBytes(event: string, json: Uint8Array): Buffer {
  const head = `event: ${event}\ndata: `;
  const bytes = Buffer.concat([Buffer.from(head), json, Buffer.from('\n\n')]);
  const [start, end] = [head.length, bytes.length - 2];
  for (const lineEnd of [CR, LF]) {
    let at = bytes.indexOf(lineEnd, start);
    while (at !== -1 && at < end) {
      bytes[at] = SPACE;
      at = bytes.indexOf(lineEnd, at);
    }
  }
  return bytes;
}
