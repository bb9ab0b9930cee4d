/**
 * Which funnel step a named behavior shows. Names are those that applications commonly use.
 */
import type { FusedState } from '../../protocols/user-snapshot.ts';

export const BEHAVIOR_STEP: Readonly<Record<string, FusedState['step']>> = {
  search: 'exploring',
  view_item: 'exploring',
  add_to_wishlist: 'considering',
  add_to_cart: 'considering',
  begin_checkout: 'buying',
  add_payment_info: 'buying',
};

const PURCHASE_STEPS: ReadonlySet<string | undefined> = new Set(
  Object.keys(BEHAVIOR_STEP).filter((name) => BEHAVIOR_STEP[name] !== 'exploring'),
);

/** Whether a behavior leads towards a purchase: something is put aside, in a cart or paid for. */
export function isPurchaseStep(name: string | undefined): boolean {
  return PURCHASE_STEPS.has(name);
}

/** Names come from outside: "constructor" is a name like any other, not a property of the table. */
export function behaviorStep(name: string): FusedState['step'] {
  return Object.hasOwn(BEHAVIOR_STEP, name) ? (BEHAVIOR_STEP[name] ?? 'none') : 'none';
}
