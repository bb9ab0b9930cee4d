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

/** Names come from outside: "constructor" is a name like any other, not a property of the table. */
export function behaviorEvidence(name: string | undefined): NamedEvidence | undefined {
  if (name === undefined || !Object.hasOwn(BEHAVIOR_EVIDENCE, name)) return undefined;
  return BEHAVIOR_EVIDENCE[name];
}
