/**
 * The path counts and credits that are stored: what the channel actors have folded, and the
 * journals that they have not, added up by name.
 */
import {
  channelsHeadSchema,
  dayCreditsSchema,
  pathChunkSchema,
} from '../../protocols/channel-actor.ts';
import { type PathJournalEntry, pathJournalSchema } from '../../protocols/path-journal.ts';
import { CHANNELS_HEAD } from '../../protocols/subjects.ts';
import { readerOf, type StoredView } from './stored-view.ts';

const readHead = readerOf('channelsHead', channelsHeadSchema);
const readChunk = readerOf('pathChunk', pathChunkSchema);
const readCredits = readerOf('dayCredits', dayCreditsSchema);
const readJournal = readerOf('pathJournal', pathJournalSchema);

/** Figures by name, such as `20260131 email > search` or `20260131 campaign SALE`. */
export type NamedFigures = Map<string, number[]>;

export interface PathFigures {
  /** Per path conversions, nulls and micros. */
  readonly paths: NamedFigures;
  /** Per name and rule-based model millionths of a conversion, and micros. */
  readonly credits: NamedFigures;
  /** Days that an older release has counted conversions of, which have no pairs. */
  readonly daysWithoutPairs: Set<string>;
}

/** Adds figures to those of a name; what comes to nothing is dropped. */
export function addFigures(to: NamedFigures, name: string, figures: readonly number[]): void {
  const sums = to.get(name);
  const next = sums === undefined ? [...figures] : sums.map((sum, i) => sum + (figures[i] ?? 0));
  if (next.every((figure) => figure === 0)) to.delete(name);
  else to.set(name, next);
}

/** Takes all of it out of the store. */
export function takeStoredPaths(stored: StoredView): PathFigures {
  const figures: PathFigures = noFigures();
  const head = stored.take(CHANNELS_HEAD, readHead);
  for (const subject of [...stored.subjects]) {
    const [first, kind, day = ''] = subject.split('.');
    if (first === 'channels' && kind === 'paths') {
      const chunk = stored.take(subject, readChunk);
      // Of a day that the head does not know nothing is left.
      if (head?.days[day] === undefined) continue;
      for (const [path, ...counts] of chunk?.rows ?? []) {
        addFigures(figures.paths, pathName(day, path, head.channels), counts);
      }
    } else if (first === 'channels' && kind === 'credits') {
      const { channel = {}, campaign = {}, pair = {} } = stored.take(subject, readCredits) ?? {};
      if (pair === null) figures.daysWithoutPairs.add(day);
      for (const [kind, byName] of Object.entries({ channel, campaign, pair: pair ?? {} })) {
        for (const [name, each] of Object.entries(byName)) {
          addFigures(figures.credits, `${day} ${kind} ${name}`, each);
        }
      }
    } else if (first === 'journal') {
      const entry = stored.take(subject, readJournal);
      const isFolded = (head?.positions[kind ?? ''] ?? 0) >= (entry?.sequence ?? 0);
      if (entry !== undefined && !isFolded) addJournal(figures, entry);
    }
  }
  return figures;
}

/** Figures to add to. */
export function noFigures(): PathFigures {
  return { paths: new Map(), credits: new Map(), daysWithoutPairs: new Set() };
}

function addJournal(
  { paths, credits, daysWithoutPairs }: PathFigures,
  entry: PathJournalEntry,
): void {
  const { days, channels } = entry;
  for (const [day, path, ...counts] of entry.paths) {
    addFigures(paths, pathName(days[day] ?? '', path, channels), counts);
  }
  for (const [day, kind, name, figures] of entry.credits) {
    if (!entry.has_pairs) daysWithoutPairs.add(days[day] ?? '');
    addFigures(credits, `${days[day]} ${kind} ${name}`, figures);
  }
}

function pathName(day: string, path: readonly number[], channels: readonly string[]): string {
  return `${day} ${path.map((i) => channels[i]).join(' > ')}`;
}
