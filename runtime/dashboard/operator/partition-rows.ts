/**
 * Partitions as operators watch them: what the log and the checkpoints say (asked), joined with
 * what the workers say of themselves (heard).
 */
import type { PartitionsReport } from '../../../protocols/services.ts';
import type { WorkerFrame } from '../../../protocols/worker-frame.ts';

/** An owner whose last frame is older than this is silent. */
export const SILENT_AFTER_MS = 3_500;

export interface PartitionRow {
  readonly partition: number;
  /** Of its lifecycle, as its owner says; `unowned` and `silent` are what nobody says. */
  readonly status: string;
  /** `bad`: nothing can be stored; `busy`: on the way to running; `good`: running. */
  readonly tone: 'good' | 'busy' | 'bad';
  readonly owner: string;
  readonly epoch: number;
  readonly sequence: number;
  /** Events that wait in the log; undefined before the first answer. */
  readonly lag: number | undefined;
  /** Events read and not yet applied. */
  readonly queued: number;
  /** Up to when everything that the log stored has its effects stored; 0 if not known. */
  readonly caughtUpMs: number;
}

type Told = WorkerFrame['partitions'][number] & { readonly worker: string; readonly atMs: number };

/**
 * A row for each partition that anybody knows of.
 *
 * @param nowMs by the engine's clock: the newest frame's time will do.
 */
export function partitionRows(
  report: PartitionsReport | undefined,
  workers: Iterable<WorkerFrame>,
  nowMs: number,
): readonly PartitionRow[] {
  const told = new Map<number, Told>();
  for (const { worker, at_ms, partitions } of workers) {
    for (const each of partitions) {
      const known = told.get(each.partition);
      if (known === undefined || isBetter(each, known)) {
        told.set(each.partition, { ...each, worker, atMs: at_ms });
      }
    }
  }
  const asked = new Map(report?.partitions.map((each) => [each.partition, each]));
  const all = [...new Set([...asked.keys(), ...told.keys()])].sort((a, b) => a - b);
  return all.map((partition) => {
    const [stored, said] = [asked.get(partition), told.get(partition)];
    const owner = ownerOf(stored?.owner, said);
    const status = statusOf(owner, said, nowMs);
    return {
      partition,
      status,
      tone: toneOf(status),
      owner,
      epoch: Math.max(stored?.epoch ?? 0, said?.epoch ?? 0),
      sequence: Math.max(stored?.sequence ?? 0, said?.sequence ?? 0),
      lag: stored?.lag,
      queued: said?.queued ?? 0,
      caughtUpMs: said?.caught_up_ms ?? 0,
    };
  });
}

/** The higher epoch knows better; of one epoch, who runs it. */
function isBetter(each: WorkerFrame['partitions'][number], known: Told): boolean {
  if (each.epoch !== known.epoch) return each.epoch > known.epoch;
  return each.status === 'running' && known.status !== 'running';
}

/** A worker that runs a partition has claimed it, whatever the older answer says. */
function ownerOf(stored: string | undefined, said: Told | undefined): string {
  if (said !== undefined && said.status !== 'vacant') return said.worker;
  return stored ?? '';
}

function statusOf(owner: string, said: Told | undefined, nowMs: number): string {
  if (owner === '') return 'unowned';
  if (said === undefined || nowMs - said.atMs > SILENT_AFTER_MS) return 'silent';
  return said.status === 'vacant' ? 'unowned' : said.status;
}

function toneOf(status: string): PartitionRow['tone'] {
  if (status === 'running') return 'good';
  return ['claiming', 'recovering', 'draining'].includes(status) ? 'busy' : 'bad';
}

/** What each status means, and what to do where something is wrong. */
export const STATUS_MEANINGS: Readonly<Record<string, string>> = {
  running: 'events are applied and stored',
  claiming: 'a worker writes its claim',
  recovering: 'a worker reads what is stored',
  draining: 'its worker stores what it has and lets go',
  fenced: 'a commit failed; its worker claims it anew',
  unowned: 'nobody works on it: start a worker',
  silent: 'its worker says nothing: is it running, and connected?',
};
