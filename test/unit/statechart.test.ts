/** A user's states by example: sessions that end, funnels that move, users who lapse and return. */
import { describe, expect, test } from 'vitest';
import { passDeadlines } from '../../actors/user/actor.ts';
import { LAPSE_MS } from '../../actors/user/state.ts';
import type { Event } from '../../protocols/event.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import {
  BASE_MS,
  behavior,
  click,
  consent,
  conversion,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
} from '../generators.ts';
import { frictionModel } from '../models.ts';
import { PartitionLog } from '../partition-log.ts';

const IDLE_MS = DEFAULT_SETTINGS.session_idle_ms;

/** Behaviors of these names, a minute apart. */
function named(...names: readonly string[]): Event[] {
  return names.map((name, n) => behavior(n, BASE_MS + n * MINUTE_MS, { name }));
}

/** A log under that model. */
function frictionLog(): PartitionLog {
  const log = new PartitionLog();
  log.putModel(frictionModel());
  return log;
}

describe('a session', () => {
  test('begins with the first event and ends after 30 minutes of silence', () => {
    const log = new PartitionLog().applyAll([behavior(0, BASE_MS)]);
    expect(log.actor().value.session).toBe('active');
    const at = (ms: number) => passDeadlines(log.actor(), ms).value.session;
    expect(at(BASE_MS + IDLE_MS)).toBe('active');
    expect(at(BASE_MS + IDLE_MS + 1)).toBe('idle');
  });

  test('goes on while events come, and the next one counts as another', () => {
    const times = [0, 20 * MINUTE_MS, 40 * MINUTE_MS, 40 * MINUTE_MS + IDLE_MS + 1];
    const log = new PartitionLog();
    const sessions = times.map((offset, n) => {
      log.apply(behavior(n, BASE_MS + offset));
      return log.user().session.count;
    });
    expect(sessions).toEqual([1, 1, 1, 2]);
    expect(log.user().session.startedAtMs).toBe(BASE_MS + (times[3] as number));
  });

  test('is neither opened nor lengthened by an event that comes late', () => {
    const log = new PartitionLog().applyAll([behavior(0, BASE_MS)]);
    const { session } = log.user();
    log.apply(behavior(1, BASE_MS - 3 * HOUR_MS));
    expect(log.user().session).toEqual(session);
  });
});

describe('the funnel', () => {
  test.each<[readonly string[], string]>([
    [[], 'aware'],
    [['unheard_of'], 'aware'],
    [['constructor'], 'aware'],
    [['search'], 'exploring'],
    [['view_item', 'add_to_cart'], 'considering'],
    [['begin_checkout'], 'buying'],
    [['begin_checkout', 'add_to_cart', 'search'], 'buying'],
    [['add_to_cart', 'view_item'], 'considering'],
  ])('after %j is at %s', (names, funnel) => {
    const log = new PartitionLog().applyAll([...named(...names), consent(99, BASE_MS, true, true)]);
    expect(log.actor().value.funnel).toBe(funnel);
  });

  test('reaches customer with a conversion, and comes back to buying with the next cart', () => {
    const log = new PartitionLog().applyAll([conversion(0, BASE_MS, 'o1')]);
    expect(log.actor().value.funnel).toBe('customer');
    log.apply(click(1, BASE_MS + 1, 'email'));
    expect(log.actor().value.funnel).toBe('customer');
    log.apply(behavior(2, BASE_MS + 2, { name: 'add_to_cart' }));
    expect(log.actor().value.funnel).toBe('considering');
  });
});

describe('absence', () => {
  test('of more than 30 days: lapsed and churned', () => {
    const log = frictionLog().applyAll(named('begin_checkout'));
    const at = (ms: number) => passDeadlines(log.actor(), ms).value;
    expect(at(BASE_MS + LAPSE_MS)).toMatchObject({ funnel: 'buying', risk: 'steady' });
    expect(at(BASE_MS + LAPSE_MS + 1)).toEqual({
      ...{ consent: 'unasked', session: 'idle', funnel: 'lapsed', risk: 'churned' },
    });
  });

  test('ends with the next event: risk has to prove steady again, the funnel starts anew', () => {
    const log = frictionLog().applyAll(named('begin_checkout'));
    const backMs = BASE_MS + 60 * DAY_MS;
    log.apply(behavior(1, backMs, { name: 'search' }));
    expect(log.actor().value).toMatchObject({
      ...{ session: 'active', funnel: 'exploring', risk: 'drifting' },
    });
    log.apply(behavior(2, backMs + 1, { name: 'search' }));
    expect(log.actor().value.risk).toBe('steady');
  });

  test('is not ended by an event from before it', () => {
    const log = new PartitionLog().applyAll([behavior(0, BASE_MS)]);
    log.apply(behavior(1, BASE_MS - 90 * DAY_MS));
    expect(log.user().lapsesAtMs).toBe(BASE_MS + LAPSE_MS);
  });
});

test('where friction makes users leave, an angry one is at risk, and a pleased one is not', () => {
  const angry = frictionLog().applyAll(
    named('error', 'rage_tap', 'rage_tap', 'cancel', 'uninstall', 'uninstall'),
  );
  expect(angry.actor().value.risk).toBe('atRisk');
  const pleased = frictionLog().applyAll(named('search', 'view_item', 'share', 'share'));
  expect(pleased.actor().value.risk).toBe('steady');
});
