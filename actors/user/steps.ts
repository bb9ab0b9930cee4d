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
