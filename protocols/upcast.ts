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

/** The current version and the way there, per kind of stored message. All are still at 1. */
const KINDS = {
  user: { current: 1, upcasters: {} as Upcasters },
  checkpoint: { current: 1, upcasters: {} as Upcasters },
  cell: { current: 1, upcasters: {} as Upcasters },
  decision: { current: 1, upcasters: {} as Upcasters },
  receipt: { current: 1, upcasters: {} as Upcasters },
  deadLetter: { current: 1, upcasters: {} as Upcasters },
  control: { current: 1, upcasters: {} as Upcasters },
  campaignActor: { current: 1, upcasters: {} as Upcasters },
  pathJournal: { current: 1, upcasters: {} as Upcasters },
  ledgerEntry: { current: 1, upcasters: {} as Upcasters },
  erasure: { current: 1, upcasters: {} as Upcasters },
  channelsHead: { current: 1, upcasters: {} as Upcasters },
  pathChunk: { current: 1, upcasters: {} as Upcasters },
  dayCredits: { current: 1, upcasters: {} as Upcasters },
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
