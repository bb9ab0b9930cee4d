/**
 * The user actor as the engine runs it: from snapshot and event to the next snapshot, purely.
 *
 * It gives what `transition(userMachine, actor, { type: 'event.received', event })` gives, at a
 * tenth of the cost: the fold runs outside the machine, and the machine is only asked to
 * transition when `can` says that a region moves (30 µs against 3 µs an event, measured). A
 * property test holds the two equal.
 */
import { initialTransition, transition } from 'xstate';
import type { Settings } from '../../protocols/campaign.ts';
import type { Event } from '../../protocols/event.ts';
import type {
  Chart,
  DuplicateMemory,
  FusedState,
  UserSnapshot,
} from '../../protocols/user-snapshot.ts';
import { type UserActor, type UserMachineEvent, userMachine } from './machine.ts';
import { foldEvent } from './state.ts';

const [FRESH] = initialTransition(userMachine);

/** A user actor before its first event. */
export function newUserActor(): UserActor {
  return FRESH;
}

/** Brings a stored snapshot back to life. */
export function restoreUserActor(snapshot: UserSnapshot): UserActor {
  return userMachine.resolveState({ value: snapshot.chart, context: snapshot.state });
}

/** Where the four regions stand. */
export function chartOf(actor: UserActor): Chart {
  return actor.value as Chart;
}

/** Puts another fused state into an actor without asking the statechart. */
export function withState(actor: UserActor, state: FusedState): UserActor {
  return { ...actor, context: state };
}

/**
 * Lets the deadlines that lie before `nowMs` pass: the session's end and the user's absence.
 * Called before each event, and by whoever wants to see the actor as of now.
 */
export function passDeadlines(actor: UserActor, nowMs: number): UserActor {
  const { events, session, lapsesAtMs } = actor.context;
  if (events === 0) return actor;
  let next = actor;
  if (nowMs > session.endsAtMs) next = moved(next, { type: 'session.elapsed' });
  return nowMs > lapsesAtMs ? moved(next, { type: 'absence.elapsed' }) : next;
}

/**
 * Folds an admitted event into the actor and settles its regions.
 *
 * @param duplicates the memory that admitted the event (see duplicates.ts).
 */
export function receiveEvent(
  actor: UserActor,
  event: Event,
  duplicates: DuplicateMemory,
  settings: Settings,
): UserActor {
  const onTime = passDeadlines(actor, event.timestamp);
  const state = foldEvent(onTime.context, event, duplicates, settings);
  return moved(withState(onTime, state), { type: 'settle' });
}

function moved(actor: UserActor, event: UserMachineEvent): UserActor {
  return actor.can(event) ? transition(userMachine, actor, event)[0] : actor;
}
