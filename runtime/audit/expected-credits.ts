/**
 * What each rule-based model credits for one conversion, from docs/semantics.md, not rounded.
 */
import type { TouchFact } from '../../protocols/user-snapshot.ts';

export const MODELS = ['first', 'last', 'linear', 'position', 'timeDecay', 'shapley'] as const;
/** Where the figures of the linear model begin in a row. */
export const LINEAR_AT = 2 * MODELS.indexOf('linear');

const MICRO_CONVERSIONS = 1_000_000;
const HALF_LIFE_MS = 7 * 86_400_000;

type Model = (typeof MODELS)[number];

/**
 * By `channel <name>` and `campaign <name>`, per model millionths of a conversion and micros; by
 * `pair <channel>><campaign>` those of the linear model.
 */
export function expectedShares(
  touches: readonly TouchFact[],
  endMs: number,
  micros: number,
): Map<string, number[]> {
  const shares = new Map<string, number[]>();
  MODELS.forEach((model, m) => {
    touches.forEach((touch, i) => {
      const share = shareOf(model, touches, i, endMs);
      const names = [`channel ${touch.channel}`];
      if (touch.campaign !== undefined) names.push(`campaign ${touch.campaign}`);
      for (const name of names) {
        const row = shares.get(name) ?? new Array<number>(2 * MODELS.length).fill(0);
        row[2 * m] = (row[2 * m] ?? 0) + share * MICRO_CONVERSIONS;
        row[2 * m + 1] = (row[2 * m + 1] ?? 0) + share * micros;
        shares.set(name, row);
      }
    });
  });
  for (const { channel, campaign } of touches) {
    if (campaign === undefined) continue;
    const name = `pair ${channel}>${campaign}`;
    const [conversions = 0, value = 0] = shares.get(name) ?? [];
    const share = 1 / touches.length;
    shares.set(name, [conversions + share * MICRO_CONVERSIONS, value + share * micros]);
  }
  return shares;
}

function shareOf(model: Model, touches: readonly TouchFact[], i: number, endMs: number): number {
  const n = touches.length;
  const isEnd = i === 0 || i === n - 1;
  switch (model) {
    case 'first':
      return i === 0 ? 1 : 0;
    case 'last':
      return i === n - 1 ? 1 : 0;
    case 'linear':
      return 1 / n;
    case 'position':
      if (n < 3) return 1 / n;
      return isEnd ? 0.4 : 0.2 / (n - 2);
    case 'timeDecay': {
      const weight = ({ t }: TouchFact): number => 0.5 ** ((endMs - t) / HALF_LIFE_MS);
      const all = touches.reduce((sum, touch) => sum + weight(touch), 0);
      return weight(touches[i] as TouchFact) / all;
    }
    case 'shapley': {
      const { channel } = touches[i] as TouchFact;
      const same = touches.filter((touch) => touch.channel === channel).length;
      return 1 / new Set(touches.map((touch) => touch.channel)).size / same;
    }
    default:
      return model satisfies never;
  }
}
