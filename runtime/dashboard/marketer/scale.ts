/**
 * Scales of what is drawn without a chart library: where an axis ends, where its ticks stand.
 */

const STEPS = [1, 2, 2.5, 4, 5, 10];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A round number that is at least the largest figure; 1 if there is none above 0. */
export function upperBound(figures: readonly number[]): number {
  const largest = Math.max(0, ...figures);
  if (largest === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  const step = STEPS.find((each) => each * power >= largest * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** Whole hours of the browser's clock at multiples of `everyHours` between two times, in ms. */
export function hourTicks(fromMs: number, toMs: number, everyHours: number): readonly number[] {
  const first = new Date(fromMs);
  first.setMinutes(0, 0, 0);
  const ticks: number[] = [];
  for (let atMs = first.getTime(); atMs <= toMs; atMs += HOUR_MS) {
    if (atMs >= fromMs && new Date(atMs).getHours() % everyHours === 0) ticks.push(atMs);
  }
  return ticks;
}
