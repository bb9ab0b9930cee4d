/** The statechart that the page draws is the one that runs, and its arrows can be told apart. */
import { describe, expect, test } from 'vitest';
import { GUARDS, RISK_DOWN, RISK_UP, userMachine } from '../../../actors/user/machine.ts';
import { chartSchema } from '../../../protocols/user-snapshot.ts';
import {
  GUARD_MEANINGS,
  RISK_LEVELS,
  STATECHART,
  type Transition,
  takenBetween,
  transitionLabel,
} from '../../../runtime/dashboard/user/statechart.ts';

/** What the machine has of a region, in the form in which the page has it. */
function regionOfMachine(region: string) {
  const node = userMachine.states[region as keyof typeof userMachine.states];
  const states = Object.values(node?.states ?? {});
  const transitions = states.flatMap((state) =>
    [...state.transitions.values()].flat().map(({ eventType, guard, target }) => ({
      from: state.key,
      to: target?.map(({ key }) => key).join(),
      event: eventType,
      ...(guard !== undefined && { guard }),
    })),
  );
  const initial = node?.initial.target.map(({ key }) => key).join();
  return { region, initial, states: states.map(({ key }) => key), transitions };
}

/** Of each state and event in the order of trying; how states are mixed says nothing. */
function inOrder(transitions: readonly { from: string; event: string }[]) {
  return [...transitions].sort((a, b) => {
    const [one, other] = [`${a.from} ${a.event}`, `${b.from} ${b.event}`];
    return one < other ? -1 : one > other ? 1 : 0;
  });
}

describe('the drawn statechart', () => {
  test('has the regions of the machine, and no others', () => {
    expect(STATECHART.map(({ region }) => region)).toEqual(Object.keys(userMachine.states));
    expect(userMachine.root.type).toBe('parallel');
  });

  test.each(STATECHART)('$region has its states, initial state, transitions, guards', (drawn) => {
    const running = regionOfMachine(drawn.region);
    expect(drawn.initial).toBe(running.initial);
    expect(drawn.states).toEqual(running.states);
    expect(inOrder(drawn.transitions)).toEqual(inOrder(running.transitions as Transition[]));
  });

  test.each(STATECHART)('$region has exactly the states that snapshots can name', (drawn) => {
    expect([...drawn.states].sort()).toEqual([...chartSchema.shape[drawn.region].options].sort());
  });

  test('explains each guard, with the levels at which risk really moves', () => {
    expect(Object.keys(GUARD_MEANINGS).sort()).toEqual(Object.keys(GUARDS).sort());
    expect(RISK_LEVELS).toEqual({ up: RISK_UP, down: RISK_DOWN });
  });
});

describe('transitions taken between two looks', () => {
  const before = {
    consent: 'unasked',
    session: 'idle',
    funnel: 'aware',
    risk: 'steady',
  } as const;

  test('are named by region, with their event and guard', () => {
    const taken = takenBetween(before, { ...before, session: 'active', funnel: 'considering' });
    expect(taken.map(({ region, from, to }) => `${region} ${from} ${to}`)).toEqual([
      'session idle active',
      'funnel aware considering',
    ]);
    expect(taken.map(({ transition }) => transition && transitionLabel(transition))).toEqual([
      'settle [sessionOpen]',
      'settle [considers]',
    ]);
  });

  test('are none when nothing moved, and one without an arrow when steps were missed', () => {
    expect(takenBetween(before, before)).toEqual([]);
    const from = { ...before, funnel: 'customer' } as const;
    const [move] = takenBetween(from, { ...from, funnel: 'exploring' });
    expect(move).toEqual({ region: 'funnel', from: 'customer', to: 'exploring' });
  });
});
