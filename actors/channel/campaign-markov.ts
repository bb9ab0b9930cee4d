/**
 * The Markov credit of campaigns: that of each channel, split over the campaigns that its touches
 * name as the linear model splits what it gives the channel.
 *
 * Invariants:
 *   K1 The parts of a channel, with that of its touches without a campaign, sum to its value to the
 *      micro, and to its conversions.
 */
import { pairOf } from '../../protocols/path-journal.ts';
import { PAIR_MODEL } from './conversion-credits.ts';
import { type Credit, sumFigures, type WeightedCohort } from './live-attribution.ts';
import { RULE_MODELS, splitExactly } from './rule-models.ts';

const LINEAR = 2 * RULE_MODELS.indexOf(PAIR_MODEL);

/** What the chain credits a channel with. */
export interface ChannelCredit extends Credit {
  readonly channel: string;
}

/** A campaign's part of what the linear model gives a channel. */
interface Part extends Credit {
  readonly campaign: string;
}

/**
 * Splits channels' credits. A channel that no conversion of the cohorts has met gives nothing to
 * campaigns, nor do days whose pairs are not known, nor pairs that were lumped together.
 *
 * Cost: O(names and pairs of all cohorts).
 *
 * @param channels with whole micros.
 * @returns by campaign.
 */
export function campaignMarkov(
  cohorts: readonly WeightedCohort[],
  channels: readonly ChannelCredit[],
): Map<string, Credit> {
  const linear = sumFigures(cohorts, 'channel');
  const parts = partsByChannel(cohorts);
  const credits = new Map<string, Credit>();
  for (const { channel, conversions, micros } of channels) {
    const own = parts.get(channel);
    if (own === undefined) continue;
    const figures = linear.get(channel);
    const shares = withRest(own, (part) => part.conversions, figures?.[LINEAR]);
    const sum = shares.reduce((all, share) => all + share, 0);
    const wholes = splitExactly(
      micros,
      withRest(own, (part) => part.micros, figures?.[LINEAR + 1]),
    );
    own.forEach(({ campaign }, i) => {
      const before = credits.get(campaign);
      const share = sum === 0 ? 0 : (shares[i + 1] as number) / sum;
      credits.set(campaign, {
        conversions: (before?.conversions ?? 0) + conversions * share,
        micros: (before?.micros ?? 0) + (wholes[i + 1] as number),
      });
    });
  }
  return credits;
}

/**
 * First what touches without a campaign have: it takes what cannot be divided. Bounds of a day may
 * have lumped a channel and not its pairs, which then are more than it.
 */
function withRest(
  parts: readonly Part[],
  figure: (part: Part) => number,
  total: number | undefined,
): number[] {
  const figures = parts.map(figure);
  const rest = (total ?? 0) - figures.reduce((sum, each) => sum + each, 0);
  return [Math.max(0, rest), ...figures];
}

function partsByChannel(cohorts: readonly WeightedCohort[]): Map<string, Part[]> {
  const parts = new Map<string, Part[]>();
  for (const [name, [conversions = 0, micros = 0]] of sumFigures(cohorts, 'pair')) {
    const pair = pairOf(name);
    if (pair === undefined) continue;
    const { channel, campaign } = pair;
    const list = parts.get(channel) ?? [];
    // Between two parts of a commit a figure may be below nothing.
    const part = { campaign, conversions: Math.max(0, conversions), micros: Math.max(0, micros) };
    list.push(part);
    parts.set(channel, list);
  }
  return parts;
}
