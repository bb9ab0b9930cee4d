/**
 * Runs a detector over the points of a file: a judgement a row, and the alerts they make.
 *
 * Invariants:
 *   F1 There is one row in the report for each row of the file, in its order; one that could not be
 *      used says why and has no figures.
 */
import {
  type DetectorMode,
  type DetectorState,
  isSilent,
  newDetector,
  step,
} from '../../actors/detector/detector.ts';
import type { Verdict } from '../../actors/detector/point.ts';
import { Rejections } from '../attribution-file/rejections.ts';
import { type FilePoint, readPoints } from './read-points.ts';

/** A row of the file with what the detector says of it. */
export interface DetectedRow {
  readonly timestamp: string;
  readonly value: number | null;
  /** 0 to 1. */
  readonly anomaly_score: number | null;
  readonly expected: number | null;
  readonly z: number | null;
  readonly alert: boolean;
  /** Of a rejected row only. */
  readonly line?: number;
  readonly problem?: string;
}

/** An alert, from its first row to its last. */
export interface FileAlert {
  readonly since: string;
  readonly until: string;
  /** Nothing in the file says that it is over. */
  readonly isOpen: boolean;
  readonly rows: number;
  /** The row that was the most surprising. */
  readonly peak: { readonly point: FilePoint; readonly verdict: Verdict };
}

/** A time without points that is an alert. */
export interface FileSilence {
  readonly since: string;
  readonly until: string;
}

/** A file, judged. */
export interface FileDetection {
  readonly rows: readonly DetectedRow[];
  readonly alerts: readonly FileAlert[];
  readonly silences: readonly FileSilence[];
  readonly rejections: Rejections;
}

/**
 * Judges every row of a file (F1). O(rows).
 *
 * @param windowPoints of the plain mode.
 * @throws FileProblem if the file cannot be read.
 */
export async function detectFile(
  file: string,
  mode: DetectorMode,
  windowPoints?: number,
): Promise<FileDetection> {
  const rows: DetectedRow[] = [];
  const alerts: FileAlert[] = [];
  const silences: FileSilence[] = [];
  const rejections = new Rejections();
  let state: DetectorState = newDetector(mode, windowPoints);
  let previous: FilePoint | undefined;
  let isOpen = false;
  await readPoints(file, {
    point(point) {
      const { timestamp, timeMs, value } = point;
      if (previous !== undefined && isSilent(state, timeMs)) {
        silences.push({ since: previous.timestamp, until: timestamp });
      }
      const { state: next, verdict } = step(state, { t: timeMs, value });
      state = next;
      previous = point;
      rows.push({
        timestamp,
        value,
        anomaly_score: verdict.score,
        expected: verdict.expected,
        z: verdict.z,
        alert: verdict.isAnomalous,
      });
      takeAlert(alerts, isOpen, point, verdict);
      isOpen = verdict.isAnomalous;
    },
    rejected(line, problem, timestamp) {
      rejections.add(line, problem);
      const none = { value: null, anomaly_score: null, expected: null, z: null };
      rows.push({ timestamp, ...none, alert: isOpen, line, problem });
    },
  });
  return { rows, alerts, silences, rejections };
}

function takeAlert(
  alerts: FileAlert[],
  wasOpen: boolean,
  point: FilePoint,
  verdict: Verdict,
): void {
  const last = alerts.at(-1);
  if (!verdict.isAnomalous) {
    if (wasOpen && last !== undefined) alerts[alerts.length - 1] = { ...last, isOpen: false };
    return;
  }
  const peak = { point, verdict };
  const { timestamp } = point;
  if (!wasOpen || last === undefined) {
    alerts.push({ since: timestamp, until: timestamp, isOpen: true, rows: 1, peak });
    return;
  }
  alerts[alerts.length - 1] = {
    ...last,
    until: timestamp,
    rows: last.rows + 1,
    peak: verdict.surprise > last.peak.verdict.surprise ? peak : last.peak,
  };
}
