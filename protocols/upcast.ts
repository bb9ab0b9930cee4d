/**
 * Reads stored messages of every released version. A message carries its version in `v`; older
 * ones are brought forward step by step, newer ones are refused rather than misread.
 */

/** A stored message that this release cannot read. */
export class UnreadableVersion extends Error {
  override readonly name = 'UnreadableVersion';
}

/** What brings version n to n + 1, by n. */
type Upcasters = Readonly<Record<number, (older: Record<string, unknown>) => object>>;

/** The current version and the way there, per kind of stored message. */
const KINDS = {
  user: { current: 2, upcasters: { 1: userFrom1 } as Upcasters },
  checkpoint: { current: 1, upcasters: {} as Upcasters },
  cell: { current: 1, upcasters: {} as Upcasters },
  decision: { current: 1, upcasters: {} as Upcasters },
  receipt: { current: 2, upcasters: { 1: receiptFrom1 } as Upcasters },
  deadLetter: { current: 1, upcasters: {} as Upcasters },
  control: { current: 1, upcasters: {} as Upcasters },
  campaignActor: { current: 1, upcasters: {} as Upcasters },
  pathJournal: { current: 1, upcasters: {} as Upcasters },
  ledgerEntry: { current: 1, upcasters: {} as Upcasters },
  erasure: { current: 1, upcasters: {} as Upcasters },
  channelsHead: { current: 1, upcasters: {} as Upcasters },
  pathChunk: { current: 1, upcasters: {} as Upcasters },
  dayCredits: { current: 1, upcasters: {} as Upcasters },
  model: { current: 1, upcasters: {} as Upcasters },
  coordinatorCheckpoint: { current: 1, upcasters: {} as Upcasters },
} as const;

/**
 * Brings a stored message to the current version.
 *
 * @throws UnreadableVersion if it has no version or one newer than this release knows.
 */
export function upcast(kind: keyof typeof KINDS, stored: unknown): Record<string, unknown> {
  const { current, upcasters } = KINDS[kind];
  let message = stored as Record<string, unknown>;
  let version = typeof message === 'object' && message !== null ? message.v : undefined;
  while (version !== current) {
    const step = typeof version === 'number' ? upcasters[version] : undefined;
    if (step === undefined) {
      throw new UnreadableVersion(
        `${kind}: expected version ${current} or older, found ${JSON.stringify(version)}; ` +
          'run a release at least as new as the one that wrote it',
      );
    }
    message = step(message) as Record<string, unknown>;
    version = message.v;
  }
  return message;
}

/** Version 1 knew six concepts, so no campaign could read the others; it explained no scores. */
function receiptFrom1(older: Record<string, unknown>): object {
  const signals = { price_sensitivity: 0, loyalty: 0, ...(older.signals as object) };
  return { ...older, v: 2, signals };
}

interface UserRecord1 {
  readonly seen: readonly [firstMs: number, nowMs: number, lapsesAtMs: number];
  readonly interests: Readonly<Record<string, readonly [weight: number, atMs: number, ...1[]]>>;
}

/** What a mention took in version 1 of what was missing to 1. */
const GAIN_1 = 0.2;
/** A weight of 1 would be endlessly many mentions; this one is 21. */
const MOST_1 = 0.99;

/**
 * Features start anew: evidence was of other kinds and over other times, and no sum of it says
 * what the new sums are. An observed interest becomes the mentions that made its weight, w = 1 -
 * (1 - gain)^n; a declared one stays. Times of interests are now relative to the user's clock.
 */
function userFrom1(older: Record<string, unknown>): object {
  const { numbers: _, ...kept } = older;
  const { seen, interests } = older as unknown as UserRecord1;
  const mentioned = Object.entries(interests).map(([topic, [weight, atMs, declared]]) => {
    const sinceMs = seen[1] - atMs;
    if (declared === 1) return [topic, [weight, sinceMs, 1]];
    const mentions = Math.log(1 / (1 - Math.min(weight, MOST_1))) / Math.log(1 / (1 - GAIN_1));
    return [topic, [mentions, sinceMs]];
  });
  return { ...kept, v: 2, interests: Object.fromEntries(mentioned) };
}
