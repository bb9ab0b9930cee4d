/**
 * The exact parts that a logit is made of, as a list of bars.
 *
 * C1 The parts, what is not listed among them, and the bias add up to the logit: nothing is hidden.
 */

export interface Contribution {
  readonly name: string;
  /** In units of the logit: above 0 it raises the probability. */
  readonly part: number;
  /** The size of the bar: its part of the largest one listed, 0 to 1. */
  readonly share: number;
}

export interface Contributions {
  /** The largest either way first. */
  readonly listed: readonly Contribution[];
  /** How many parts are summed in `rest`, and their sum. */
  readonly restCount: number;
  readonly rest: number;
  readonly bias: number;
  readonly logit: number;
  /** What the logit means as a probability. */
  readonly probability: number;
}

/** Parts smaller than this are nothing. */
const NOTHING = 1e-9;

/**
 * @param parts by name.
 * @param other what the parts do not name; 0 where they name all.
 * @param limit parts listed at most.
 */
export function contributions(
  { logit, bias }: { readonly logit: number; readonly bias: number },
  parts: Readonly<Record<string, number | undefined>>,
  other: number,
  limit: number,
): Contributions {
  const sorted = Object.entries(parts)
    .flatMap(([name, part = 0]) => (Math.abs(part) > NOTHING ? [{ name, part }] : []))
    .sort((a, b) => Math.abs(b.part) - Math.abs(a.part) || (a.name < b.name ? -1 : 1));
  const [shown, left] = [sorted.slice(0, limit), sorted.slice(limit)];
  const largest = Math.abs(shown[0]?.part ?? 0);
  return {
    listed: shown.map((each) => ({ ...each, share: Math.abs(each.part) / largest })),
    restCount: left.length + (Math.abs(other) > NOTHING ? 1 : 0),
    rest: left.reduce((sum, { part }) => sum + part, other),
    bias,
    logit,
    probability: 1 / (1 + Math.exp(-logit)),
  };
}
