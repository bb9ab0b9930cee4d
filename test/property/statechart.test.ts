/**
 * The user's statechart: the quick way in which the engine runs it is the XState machine's way,
 * on any events; walks over the machine reach every state of every region.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createActor, type SnapshotFrom, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { Scorer } from '../../actors/model/scorer.ts';
import {
  newUserActor,
  passDeadlines,
  receiveEvent,
  restoreUserActor,
  type UserActor,
} from '../../actors/user/actor.ts';
import { admit } from '../../actors/user/duplicates.ts';
import { type UserMachineEvent, userMachine } from '../../actors/user/machine.ts';
import { NEW_USER, type UserReference } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import type { StreamSequence, UserToken } from '../../protocols/ids.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { decodeUser, encodeUser } from '../../protocols/user-record.ts';
import { type Chart, chartSchema, type FusedState } from '../../protocols/user-snapshot.ts';
import {
  BASE_MS,
  behavior,
  consent,
  conversion,
  eventsOfOneUser,
  holds,
  MINUTE_MS,
} from '../generators.ts';
import { frictionModel, models } from '../models.ts';

/** The engine's way: what is admitted is received. */
function receive(actor: UserActor, event: Event, reference: UserReference): UserActor {
  const admission = admit(actor.context.duplicates, event);
  return admission.duplicate ? actor : receiveEvent(actor, event, admission.memory, reference);
}

/** The machine's way: deadlines that lie before the event, then the event. */
function machineEvents(
  { events, session, lapsesAtMs, duplicates }: FusedState,
  event: Event,
  reference: UserReference,
): UserMachineEvent[] {
  const received: UserMachineEvent = { type: 'event.received', event, reference };
  if (events === 0 || admit(duplicates, event).duplicate) return [received];
  const passed: UserMachineEvent[] = [];
  if (event.timestamp > session.endsAtMs) passed.push({ type: 'session.elapsed' });
  if (event.timestamp > lapsesAtMs) passed.push({ type: 'absence.elapsed' });
  return [...passed, received];
}

/** Arrivals of which some come a second time. */
const arrivals = eventsOfOneUser(40).chain((events) =>
  fc
    .array(fc.nat({ max: events.length - 1 }), { maxLength: 5 })
    .map((again) => [...events, ...again.map((i) => events[i] as Event)]),
);
const anySettings = fc.constantFrom(
  DEFAULT_SETTINGS,
  { ...DEFAULT_SETTINGS, consent_default: 'refused' as const },
  { ...DEFAULT_SETTINGS, session_idle_ms: 5_000 },
  { ...DEFAULT_SETTINGS, unmeasured: ['churn' as const, 'temporal' as const] },
);
/** Any settings under any model. */
const anyReference = fc
  .tuple(anySettings, models())
  .map(([settings, model]): UserReference => ({ settings, scorer: new Scorer(model) }));

test('on any events the engine moves as the machine does, value and context', () => {
  holds(
    fc.property(arrivals, anyReference, (events, reference) => {
      const machine = createActor(userMachine).start();
      let actor = newUserActor();
      for (const event of events) {
        const { context } = machine.getSnapshot();
        for (const each of machineEvents(context, event, reference)) machine.send(each);
        actor = receive(actor, event, reference);
        expect(actor.value).toEqual(machine.getSnapshot().value);
        // Since when it stands where it does, a machine does not know of itself.
        const { funnelSinceMs } = actor.context;
        expect(actor.context).toEqual({ ...machine.getSnapshot().context, funnelSinceMs });
      }
    }),
    150,
  );
});

test('a user who is stored and restored anywhere on the way goes on as if nothing had been', () => {
  holds(
    fc.property(arrivals, fc.nat({ max: 40 }), anyReference, (events, at, reference) => {
      let actor = newUserActor();
      let restored = newUserActor();
      events.forEach((event, i) => {
        if (i === at) {
          const text = encodeUser(7 as StreamSequence, restored.value, restored.context);
          restored = restoreUserActor(decodeUser('ada' as UserToken, JSON.parse(text)), reference);
          expect(restored).toEqual(actor);
        }
        actor = receive(actor, event, reference);
        restored = receive(restored, event, reference);
        expect(restored).toEqual(actor);
      });
    }),
    150,
  );
});

test('deadlines that somebody looked at before the next event pass the same', () => {
  holds(
    fc.property(eventsOfOneUser(20), (events) => {
      let actor = newUserActor();
      let looked = newUserActor();
      for (const event of events) {
        looked = passDeadlines(passDeadlines(looked, event.timestamp - 1), event.timestamp);
        looked = receive(looked, event, DEFAULT_REFERENCE);
        actor = receive(actor, event, DEFAULT_REFERENCE);
        expect(looked).toEqual(actor);
      }
    }),
    100,
  );
});

const WALK_NAMES = ['search', 'add_to_cart', 'begin_checkout', 'share', 'uninstall'];

/** A model under which a single event can put a user at risk. */
const FRICTION: UserReference = {
  settings: DEFAULT_SETTINGS,
  scorer: new Scorer(frictionModel()),
};

/** What may happen next to a user, one minute later. */
function nextEvents({ context }: SnapshotFrom<typeof userMachine>): UserMachineEvent[] {
  const n = context.events;
  const t = BASE_MS + context.nowMs + MINUTE_MS;
  const events = [
    ...WALK_NAMES.map((name) => behavior(n, t, { name })),
    conversion(n, t, `o${n}`),
    ...[true, false].flatMap((m) => [true, false].map((p) => consent(n, t, m, p))),
  ];
  return [
    ...events.map((event): UserMachineEvent => {
      return { type: 'event.received', event, reference: FRICTION };
    }),
    { type: 'session.elapsed' },
    { type: 'absence.elapsed' },
  ];
}

test.each(Object.entries(chartSchema.shape))(
  'walks over the machine reach every state of the region %s',
  (region, { options }) => {
    const walks = getShortestPaths(userMachine, {
      events: nextEvents,
      limit: 2_000,
      // Churn risk by tenths tells states apart, so that walks climb to a level step by step.
      serializeState: ({ value, context }) =>
        JSON.stringify([(value as Chart)[region as keyof Chart], tenths(context)]),
      serializeEvent: (event) => JSON.stringify(event),
    });
    const reached = walks.map(({ state }) => (state.value as Chart)[region as keyof Chart]);
    expect([...new Set(reached)].sort()).toEqual([...options].sort());
  },
);

function tenths({ intents }: FusedState): number {
  return Math.round(intents.churn_risk * 10);
}

/** Where the risk region stands after each of some levels of churn risk. */
function riskAfter(levels: readonly number[]): string[] {
  let value: Chart = newUserActor().value;
  return levels.map((churn_risk) => {
    const context = { ...NEW_USER, intents: { ...NEW_USER.intents, churn_risk } };
    const at = userMachine.resolveState({ value, context });
    value = transition(userMachine, at, { type: 'settle' })[0].value as Chart;
    return value.risk;
  });
}

test('risk rises and falls at different levels', () => {
  expect(riskAfter([0.69, 0.7, 0.84, 0.85])).toEqual(['steady', 'drifting', 'drifting', 'atRisk']);
  expect(riskAfter([0.9, 0.75, 0.74, 0.6, 0.59])).toEqual([
    ...['atRisk', 'atRisk', 'drifting', 'drifting', 'steady'],
  ]);
  expect(riskAfter([0.9, 0.2])).toEqual(['atRisk', 'steady']);
});

test('risk does not flicker: within a band of a tenth no state is left and entered again', () => {
  const band = fc.tuple(
    fc.double({ min: 0, max: 0.9, noNaN: true }),
    fc.array(fc.double({ min: 0, max: 0.099, noNaN: true }), { minLength: 2, maxLength: 40 }),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  );
  holds(
    fc.property(band, ([bottom, wobble, before]) => {
      const levels = [...before, ...wobble.map((up) => bottom + up)];
      const states = riskAfter(levels).slice(before.length);
      const entered = states.filter((state, i) => state !== states[i - 1]);
      expect(new Set(entered).size).toBe(entered.length);
    }),
    500,
  );
});
