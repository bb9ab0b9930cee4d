/**
 * Worlds whose causes are known: which channels make people buy, and which only meet those who buy
 * anyway. Each scenario is a set of parameters of the one model in causal-journeys.ts.
 *
 * Invariants:
 *   J1 No lift, no opening and no following of intent is negative: taking a channel away can only
 *      lose conversions (the counterfactual in causal-journeys.ts relies on it).
 */

/** A channel: whom it reaches, when, and what it does to them. */
export interface CausalChannel {
  readonly name: string;
  /** The share of users it can reach at all, 0 to 1. */
  readonly reach: number;
  /** The chance of a touch in one step, for a reachable user of average intent, 0 to 1. */
  readonly touchRate: number;
  /** What one touch adds to the log-odds of buying in that step. */
  readonly lift: number;
  /** The share of a touch's lift that is left one step later, 0 to 1. */
  readonly carryover: number;
  /** Log-odds of a touch per step into the journey: below 0 it comes early, above 0 late. */
  readonly trend?: number;
  /** Log-odds of a touch per log-odds of buying above the average: it is shown to the willing. */
  readonly followsIntent?: number;
  /** The share of buyers who come through it on their way to buy: a consequence, not a cause. */
  readonly onPurchase?: number;
  /** Another channel, whose touches become likelier by `logOdds` a remembered touch of this one. */
  readonly opens?: { readonly channel: string; readonly logOdds: number };
}

export interface Scenario {
  readonly name: string;
  /** What is peculiar about it, in a sentence. */
  readonly about: string;
  readonly steps: number;
  /** Log-odds of buying in one step of the average user whom no channel touched. */
  readonly baseLogOdds: number;
  /** Standard deviation of the log-odds between users. */
  readonly propensitySpread: number;
  readonly channels: readonly CausalChannel[];
}

/** Users who buy once in about 600 steps when left alone, and differ much. */
const USERS = { steps: 20, baseLogOdds: -6.4, propensitySpread: 1 } as const;

const AWARENESS = {
  ...{ name: 'awareness', reach: 0.6, touchRate: 0.08, lift: 0.35, carryover: 0.8 },
  trend: -0.05,
} as const;
const SEARCH = { name: 'search', reach: 0.7, touchRate: 0.06, lift: 1.6, carryover: 0.5 } as const;
const EMAIL = {
  ...{ name: 'email', reach: 0.35, touchRate: 0.08, lift: 1.3, carryover: 0.6 },
  trend: 0.03,
} as const;
const DISPLAY = {
  ...{ name: 'display', reach: 0.9, touchRate: 0.12, lift: 0.12, carryover: 0.5 },
} as const;
const RETARGETING = {
  ...{ name: 'retargeting', reach: 0.5, touchRate: 0.05, lift: 0.8, carryover: 0.5 },
} as const;

/** As good as it gets for path models: who is seen more often has caused more. */
const EQUAL_LIFT: Scenario = {
  ...USERS,
  name: 'equal_lift',
  about: 'every touch does the same: channels differ only in how often they touch',
  channels: [
    { name: 'awareness', reach: 0.6, touchRate: 0.08, lift: 0.8, carryover: 0.6 },
    { name: 'search', reach: 0.7, touchRate: 0.1, lift: 0.8, carryover: 0.6 },
    { name: 'email', reach: 0.35, touchRate: 0.08, lift: 0.8, carryover: 0.6 },
    { name: 'display', reach: 0.9, touchRate: 0.12, lift: 0.8, carryover: 0.6 },
    { name: 'retargeting', reach: 0.4, touchRate: 0.04, lift: 0.8, carryover: 0.6 },
  ],
};

/** Every touch is drawn by itself, whoever the user is: nothing confounds. */
const ADDITIVE: Scenario = {
  ...USERS,
  name: 'additive',
  about: 'touches are independent of each other and of the user',
  channels: [AWARENESS, SEARCH, EMAIL, DISPLAY, RETARGETING],
};

/** Users who hardly buy unless a touch makes them: what path models silently assume. */
const TOUCHES_SELL: Scenario = {
  ...{ steps: 20, baseLogOdds: -9, propensitySpread: 0.3 },
  name: 'touches_sell',
  about: 'as additive, but most conversions are caused by touches',
  channels: ADDITIVE.channels.map((channel) => ({ ...channel, lift: 2 * channel.lift })),
};

const FUNNEL: Scenario = {
  ...USERS,
  name: 'funnel',
  about: 'awareness hardly sells by itself: it makes people search, and the search sells',
  channels: [
    {
      ...AWARENESS,
      ...{ lift: 0.1, carryover: 0.9, trend: -0.15 },
      opens: { channel: 'search', logOdds: 1.8 },
    },
    { ...SEARCH, touchRate: 0.015 },
    EMAIL,
    DISPLAY,
    RETARGETING,
  ],
};

const CONFOUNDED: Scenario = {
  ...USERS,
  name: 'confounded',
  about: 'retargeting is shown to the willing; brand search is where buyers come in',
  channels: [
    AWARENESS,
    SEARCH,
    EMAIL,
    DISPLAY,
    { ...RETARGETING, lift: 0.1, followsIntent: 1.2 },
    {
      ...{ name: 'brand_search', reach: 1, touchRate: 0.01, lift: 0, carryover: 0 },
      ...{ followsIntent: 1, onPurchase: 0.4 },
    },
  ],
};

const PLACEBO: Scenario = {
  ...USERS,
  name: 'placebo',
  about: 'as additive, with one more channel that reaches many and does nothing',
  channels: [
    ...ADDITIVE.channels,
    { name: 'placebo', reach: 0.8, touchRate: 0.1, lift: 0, carryover: 0 },
  ],
};

export const SCENARIOS: readonly Scenario[] = [
  EQUAL_LIFT,
  ADDITIVE,
  TOUCHES_SELL,
  FUNNEL,
  CONFOUNDED,
  PLACEBO,
];
