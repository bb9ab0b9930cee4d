/**
 * What named behaviors say, by what applications commonly call them: units of evidence, set by the
 * meaning of the names. What evidence is worth is the model's business.
 */

export type NamedEvidence = Partial<Record<'engagement' | 'purchase' | 'churn', number>>;

export const BEHAVIOR_EVIDENCE: Readonly<Record<string, NamedEvidence>> = {
  search: { engagement: 0.2, purchase: 0.1 },
  view_item: { engagement: 0.2, purchase: 0.15 },
  share: { engagement: 0.5 },
  add_to_wishlist: { engagement: 0.2, purchase: 0.4 },
  add_to_cart: { purchase: 0.7 },
  remove_from_cart: { churn: 0.2 },
  begin_checkout: { purchase: 1 },
  add_payment_info: { purchase: 1.2 },
  error: { churn: 0.4 },
  rage_tap: { churn: 0.6 },
  unsubscribe: { churn: 1 },
  cancel: { churn: 1.2 },
  uninstall: { churn: 2 },
};

const NOTHING: Required<NamedEvidence> = { engagement: 0, purchase: 0, churn: 0 };
/** Names come from outside: "constructor" is a name like any other, not a property of the table. */
const BY_NAME: ReadonlyMap<string | undefined, Required<NamedEvidence>> = new Map(
  Object.entries(BEHAVIOR_EVIDENCE).map(([name, evidence]) => [name, { ...NOTHING, ...evidence }]),
);

/** What a behavior of that name says: nothing, if it is not a known one. */
export function behaviorEvidence(name: string | undefined): Required<NamedEvidence> {
  return BY_NAME.get(name) ?? NOTHING;
}
