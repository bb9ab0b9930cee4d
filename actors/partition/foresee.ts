/**
 * What an event will make of a user, before it is applied: the same fold without counts, charts and
 * decisions. It is how one learns beforehand what a network will be asked for.
 *
 * Invariants:
 *   M5 A user foreseen through some events asks for the concepts that the same user asks for when
 *      they are applied (a property test holds the two equal).
 */
import type { FusedState } from '../../protocols/user-snapshot.ts';
import { admit } from '../user/duplicates.ts';
import { hasOrder, moveAlongPath } from '../user/journey.ts';
import { emptyTally, type JourneyEffects } from '../user/path-change.ts';
import { foldEvent, type UserReference } from '../user/state.ts';
import { type LoggedEvent, unfit } from './apply.ts';

/** The user's state after an event, as applyEvent leaves it but for what was decided. Pure. */
export function foresee(
  state: FusedState,
  { user, event }: Omit<LoggedEvent, 'sequence'>,
  reference: UserReference,
): FusedState {
  const { settings } = reference;
  if (unfit(event, settings.currency) !== undefined) return state;
  const admission = admit(state.duplicates, event);
  if (admission.duplicate) return state;
  if (event.type === 'conversion' && hasOrder(state, event)) {
    return { ...state, duplicates: admission.memory };
  }
  const folded = foldEvent(state, event, admission.memory, reference);
  return moveAlongPath(user, state, folded, event, settings, uncounted());
}

function uncounted(): JourneyEffects {
  return { tally: emptyTally(), path: () => {}, order: () => {}, forgetOrders: () => {} };
}
