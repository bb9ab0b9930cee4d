/**
 * Sums over all partitions' cells that follow the cells' changes: what a change costs depends on
 * the cells that changed, not on how many there are (10,000 campaigns in each partition).
 */
import type { PulseFrame } from '../../protocols/live-figures.ts';
import type { CellChange, CellView } from './cell-view.ts';

/** Cells that the sums are made from. */
const SUMMED_KINDS = ['traffic', 'channels', 'delivery'] as const;
type SummedKind = (typeof SUMMED_KINDS)[number];

/** What of a pulse frame is a sum. */
export type PulseSums = Omit<PulseFrame, 'v' | 'at_ms' | 'roas'>;
type SummedChange = CellChange & { readonly kind: SummedKind };
type SummedView = Pick<CellView, 'cells' | 'changedCell'>;

/** Whether a change concerns the sums. */
export function isSummed(change: CellChange): change is SummedChange {
  return (SUMMED_KINDS as readonly string[]).includes(change.kind);
}

export class RunningSums {
  readonly #view: SummedView;
  readonly #sums: PulseSums = {
    events: 0,
    duplicates: 0,
    rejected: 0,
    conversions: 0,
    decisions: 0,
    wins: 0,
    value_micros: 0,
    cost_micros: 0,
    spend_micros: 0,
  };
  /** What each cell has added so far. */
  readonly #parts = new Map<string, Partial<PulseSums>>();
  /** Cells that changed since they were last added, each once. */
  readonly #changed = new Map<string, SummedChange>();

  /** Begins with all cells that there are. */
  constructor(view: SummedView) {
    this.#view = view;
    for (const kind of SUMMED_KINDS) {
      for (const [partition, key] of view.cells(kind)) this.changed({ partition, kind, key });
    }
  }

  /** Notes that a cell changed; it is read when somebody asks for the sums. */
  changed(change: SummedChange): void {
    this.#changed.set(`${change.partition}.${change.kind}.${change.key}`, change);
  }

  /** The sums as of now. Cost: of the cells that changed since the last time. */
  now(): Readonly<PulseSums> {
    for (const [name, change] of this.#changed) {
      const part = partOf(this.#view, change);
      this.#add(this.#parts.get(name) ?? {}, -1);
      this.#add(part, 1);
      this.#parts.set(name, part);
    }
    this.#changed.clear();
    return this.#sums;
  }

  #add(part: Partial<PulseSums>, sign: 1 | -1): void {
    for (const [name, value] of Object.entries(part)) {
      this.#sums[name as keyof PulseSums] += sign * value;
    }
  }
}

/** What a cell adds. */
function partOf(view: SummedView, { kind, ...where }: SummedChange): Partial<PulseSums> {
  switch (kind) {
    case 'traffic': {
      const traffic = view.changedCell({ kind, ...where });
      if (traffic === undefined) return {};
      return {
        events: traffic.accepted,
        duplicates: traffic.duplicates,
        rejected: traffic.rejected,
        conversions: traffic.conversions,
        decisions: traffic.decisions,
        wins: traffic.wins,
        value_micros: traffic.value_micros - traffic.refunded_micros,
      };
    }
    case 'channels': {
      const day = Object.values(view.changedCell({ kind, ...where })?.channels ?? {});
      return { cost_micros: day.reduce((sum, { cost_micros }) => sum + cost_micros, 0) };
    }
    case 'delivery':
      return { spend_micros: view.changedCell({ kind, ...where })?.spent_micros ?? 0 };
    default:
      return kind satisfies never;
  }
}
