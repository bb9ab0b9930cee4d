/**
 * Live model quality: an RxJS pipeline from the partitions' counts of forecasts to calibration and
 * drift of the model in force.
 */
import { auditTime, filter, map, type Observable, type SchedulerLike } from 'rxjs';
import { modelQuality, type WeekOf } from '../../actors/model/quality.ts';
import type { CellByKind } from '../../protocols/cells.ts';
import type { Model } from '../../protocols/model.ts';
import type { ModelQuality } from '../../protocols/model-quality.ts';
import type { Clock } from '../ports.ts';
import type { CellView } from './cell-view.ts';

/** How often the figures are calculated again while forecasts come in. */
export const RECALCULATE_EVERY_MS = 1_000;

/** What the figures are made from. */
export interface QualitySources {
  readonly view: CellView;
  readonly clock: Clock;
  /** The model in force. */
  model(): Model;
}

/** The quality of the model in force, after every change of its counts. */
export function liveModelQuality(
  sources: QualitySources,
  scheduler?: SchedulerLike,
): Observable<ModelQuality> {
  return sources.view.changes.pipe(
    filter(({ kind }) => kind === 'calibration' || kind === 'drift'),
    auditTime(RECALCULATE_EVERY_MS, scheduler),
    map(() => qualityReport(sources)),
  );
}

/** The quality of the model in force, as of now. */
export function qualityReport({ view, clock, model }: QualitySources): ModelQuality {
  const current = model();
  return modelQuality(
    current,
    weeksOf(view, 'calibration', current.version),
    weeksOf(view, 'drift', current.version),
    clock.nowMs(),
  );
}

/** All partitions' cells of one model version, named `<version>.<week>`. */
function weeksOf<K extends 'calibration' | 'drift'>(
  view: CellView,
  kind: K,
  version: number,
): WeekOf<CellByKind[K]>[] {
  const weeks: WeekOf<CellByKind[K]>[] = [];
  for (const [, key, cell] of view.cells(kind)) {
    const [of, week = ''] = key.split('.');
    if (of === String(version)) weeks.push({ week, cell });
  }
  return weeks;
}
