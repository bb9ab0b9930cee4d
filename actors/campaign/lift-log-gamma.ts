/**
 * ln Γ and ln B, to 1e-12 of their size: Stirling's series (Abramowitz & Stegun 1964, 6.1.41) for
 * arguments of at least SERIES_FROM, to which smaller ones are raised by Γ(x + 1) = x Γ(x).
 */

/** From here on the first term that is left out is below 1e-17. */
const SERIES_FROM = 10;
/** B_2k / (2k (2k - 1)) for k = 1 … 8, with the Bernoulli numbers B_2k. */
const SERIES = [
  ...[1 / 12, -1 / 360, 1 / 1_260, -1 / 1_680],
  ...[1 / 1_188, -691 / 360_360, 1 / 156, -3_617 / 122_400],
];
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** ln Γ(x) for x > 0. O(1): at most SERIES_FROM steps and eight terms. */
export function logGamma(x: number): number {
  let raised = x;
  let product = 1;
  while (raised < SERIES_FROM) {
    product *= raised;
    raised += 1;
  }
  const perSquare = 1 / (raised * raised);
  let rest = 0;
  for (let k = SERIES.length - 1; k >= 0; k--) rest = rest * perSquare + (SERIES[k] as number);
  const ofRaised = (raised - 0.5) * Math.log(raised) - raised + HALF_LOG_TWO_PI + rest / raised;
  return ofRaised - Math.log(product);
}

/** ln B(a, b) = ln Γ(a) + ln Γ(b) - ln Γ(a + b) for a, b > 0. O(1). */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}
