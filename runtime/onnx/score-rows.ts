/**
 * Has a network score what will be asked of it, in one micro-batch, and puts the concepts where the
 * actors find them.
 */
import {
  type NetworkConcepts,
  NetworkRequests,
  type NetworkRow,
} from '../../actors/model/network-concepts.ts';
import { Scorer } from '../../actors/model/scorer.ts';
import type { UserReference } from '../../actors/user/state.ts';
import { CONCEPTS } from '../../protocols/user-snapshot.ts';
import { type ConceptNetwork, MAX_SCORE_ROWS, RowNotScored } from './concept-network.ts';
import type { NetworkFolder } from './network-folder.ts';

/** A row with the place that its concepts go to. */
export interface WantedRow {
  readonly row: NetworkRow;
  readonly into: NetworkConcepts;
}

/** A row that the network cannot score, and that the others were scored up to. */
export interface RefusedRow {
  /** Its index in the rows given. */
  readonly index: number;
  readonly reason: string;
}

/**
 * Scores rows in their order, up to the first that the network cannot score, which is returned.
 *
 * @param wanted any number of rows; equal ones are scored once for each place.
 * @throws Error if the network does not work at all.
 */
export async function scoreRows(
  network: ConceptNetwork,
  wanted: readonly WantedRow[],
): Promise<RefusedRow | undefined> {
  const seen = new Map<NetworkConcepts, Set<string>>();
  const unknown = wanted.flatMap(({ row, into }, index) => {
    const keys = seen.get(into) ?? new Set();
    seen.set(into, keys);
    if (into.has(row) || keys.has(row.key)) return [];
    keys.add(row.key);
    return [{ row, into, index }];
  });
  for (let from = 0; from < unknown.length; from += MAX_SCORE_ROWS) {
    const some = unknown.slice(from, from + MAX_SCORE_ROWS);
    const refused = await scoreSome(network, some);
    if (refused === undefined) continue;
    const { index } = some[refused.index] as (typeof some)[number];
    return { index, reason: refused.reason };
  }
  return undefined;
}

async function scoreSome(
  network: ConceptNetwork,
  wanted: readonly WantedRow[],
): Promise<RefusedRow | undefined> {
  try {
    const scores = await network.score(...matrices(wanted), wanted.length);
    wanted.forEach(({ row, into }, i) => {
      into.remember(row, scores, i * CONCEPTS.length);
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof RowNotScored)) throw error;
    const first = wanted[error.row] as WantedRow;
    // Zeros were scored when the network was loaded: if they are not now, no row is to blame.
    const { features, present } = first.row;
    await network.score(new Float32Array(features.length), new Float32Array(present.length), 1);
    const earlier = await scoreSome(network, wanted.slice(0, error.row));
    const reason = error.message.replace(/^Row \d+: /, '');
    return earlier ?? { index: error.row, reason };
  }
}

function matrices(wanted: readonly WantedRow[]): [features: Float32Array, present: Float32Array] {
  const [first] = wanted;
  const columns = [first?.row.features.length ?? 0, first?.row.present.length ?? 0] as const;
  const features = new Float32Array(wanted.length * columns[0]);
  const present = new Float32Array(wanted.length * columns[1]);
  wanted.forEach(({ row }, i) => {
    features.set(row.features, i * columns[0]);
    present.set(row.present, i * columns[1]);
  });
  return [features, present];
}

/** A reference that takes down what a network is asked for, and what was taken down. */
export interface Recording {
  readonly reference: UserReference;
  readonly rows: readonly NetworkRow[];
}

/** A reference like a partition's own whose scorer answers nothing. Compiles the model. */
export function recordingOf(reference: UserReference): Recording {
  const { model, network } = reference.scorer;
  const requests = new NetworkRequests(model.features, network?.sha256 ?? '');
  return { reference: { ...reference, scorer: new Scorer(model, requests) }, rows: requests.rows };
}

/**
 * Has the network of a reference's model score what `fold` will ask for when it is run again with
 * the reference itself. Without a network in the model it does nothing.
 *
 * @returns why a row cannot be scored, if one cannot.
 * @throws NetworkUnavailable
 */
export async function scoreAhead(
  networks: NetworkFolder,
  reference: UserReference,
  fold: (recording: UserReference) => void,
): Promise<string | undefined> {
  const { model, network: into } = reference.scorer;
  if (into === undefined) return undefined;
  const network = await networks.load(model);
  const recording = recordingOf(reference);
  fold(recording.reference);
  const wanted = recording.rows.map((row) => ({ row, into }));
  return (await scoreRows(network, wanted))?.reason;
}
