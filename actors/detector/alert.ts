/**
 * When surprise becomes an alert: a budget of false alerts in event time, and hysteresis.
 *
 * A series with a point every d of a day makes 1/d tests a day, so that a test of level
 * FALSE_ALERTS_A_DAY · d gives FALSE_ALERTS_A_DAY false alerts a day, however dense its points
 * are (Bonferroni over a day: it holds however the tests depend on each other). Whoever watches
 * many series shares that budget among them, by a strictness in decades.
 *
 * Invariants:
 *   A1 An alert opens at the level above, and closes after CLOSE_POINTS points in a row with less
 *      than CLOSE_SHARE of it: in between it neither opens nor closes.
 */

const DAY_MS = 86_400_000;
/**
 * For a tail that is the power law we fit. A normal's falls off faster: a hundred normal series of
 * a point a second had no alert in a day (docs/detect.md).
 */
const FALSE_ALERTS_A_DAY = 0.1;
const CLOSE_SHARE = 0.5;
/** Calm points in a row behind which an alert is over. */
export const CLOSE_POINTS = 5;
/** With a point a week the budget would allow anything. */
const MIN_OPEN_SURPRISE = 2;

/** An alert that is open, or none. */
export interface AlertState {
  readonly isOpen: boolean;
  /** Points in a row that were calm. */
  readonly calmPoints: number;
}

/** No alert. */
export const NO_ALERT: AlertState = { isOpen: false, calmPoints: 0 };

/**
 * The surprise at which an alert opens, of a series with this spacing. O(1).
 *
 * @param strictness decades by which the level is below that of a series watched alone.
 */
export function openSurprise(spacingMs: number, strictness = 0): number {
  const alone = -Math.log10((FALSE_ALERTS_A_DAY * spacingMs) / DAY_MS);
  return Math.max(MIN_OPEN_SURPRISE, alone + strictness);
}

/** Whether a point with this surprise is calm, of a series that opens at `open` (A1). */
export function isCalm(surprise: number, open: number): boolean {
  return surprise < CLOSE_SHARE * open;
}

/** Takes a point's surprise in (A1); without a known spacing nothing opens. O(1). */
export function nextAlert(
  { isOpen, calmPoints }: AlertState,
  surprise: number,
  spacingMs: number | undefined,
  strictness = 0,
): AlertState {
  if (spacingMs === undefined) return NO_ALERT;
  const open = openSurprise(spacingMs, strictness);
  if (!isOpen) return surprise >= open ? { isOpen: true, calmPoints: 0 } : NO_ALERT;
  if (!isCalm(surprise, open)) return { isOpen, calmPoints: 0 };
  return calmPoints + 1 >= CLOSE_POINTS ? NO_ALERT : { isOpen, calmPoints: calmPoints + 1 };
}
