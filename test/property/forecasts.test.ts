/** Forecasts and what came of them, against a plain count over the same visits. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHURN_MS, FORECAST_PLACES } from '../../actors/user/forecasts.ts';
import { type CalibrationCell, utcWeek } from '../../protocols/cells.ts';
import type { Event } from '../../protocols/event.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { INTENTS } from '../../protocols/user-snapshot.ts';
import { BASE_MS, behavior, common, DAY_MS, holds, MINUTE_MS } from '../generators.ts';
import { PartitionLog } from '../partition-log.ts';

interface Counts {
  forecasts: number;
  settled: number;
}

/** A user's events in time order: gaps within visits, between them, and of months. */
const lives = fc
  .array(
    fc.record({
      gapMs: fc.constantFrom(1, MINUTE_MS, 31 * MINUTE_MS, DAY_MS, 20 * DAY_MS, 120 * DAY_MS),
      buys: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    let atMs = BASE_MS;
    return steps.map(({ gapMs, buys }, n): Event => {
      atMs += gapMs;
      if (!buys) return behavior(n, atMs);
      const order = { type: 'conversion', value: 1, currency: 'USD', order_id: `o${n}` } as const;
      return { ...common(n, atMs), ...order };
    });
  });

function visitsOf(events: readonly Event[]): Event[][] {
  const visits: Event[][] = [];
  let endsAtMs = Number.NEGATIVE_INFINITY;
  for (const event of events) {
    if (event.timestamp > endsAtMs) visits.push([]);
    visits.at(-1)?.push(event);
    endsAtMs = event.timestamp + DEFAULT_SETTINGS.session_idle_ms;
  }
  return visits;
}

/** Per week and intent, how many forecasts a plain count expects, and how many came true. */
function expected(events: readonly Event[]): Record<string, Counts> {
  const counts: Record<string, Counts> = {};
  const visits = visitsOf(events);
  visits.forEach((visit, v) => {
    const startMs = visit[0]?.timestamp ?? 0;
    const add = (intent: string, isSettled: boolean): void => {
      const key = `${utcWeek(startMs)} ${intent}`;
      counts[key] ??= { forecasts: 0, settled: 0 };
      counts[key].forecasts++;
      if (isSettled) counts[key].settled++;
    };
    const nextMs = visits[v + 1]?.[0]?.timestamp ?? Number.POSITIVE_INFINITY;
    add('churn_risk', nextMs - startMs <= CHURN_MS);
    // The event that opens a visit cannot yet settle anything in it.
    const orderAt = visit.findIndex(({ type }, i) => i > 0 && type === 'conversion');
    visit.forEach((_, i) => {
      if (!FORECAST_PLACES.has(i + 1)) return;
      add('engagement_intent', i + 1 < visit.length);
      if (orderAt < 0 || i < orderAt) add('purchase_intent', orderAt >= 0);
    });
  });
  return counts;
}

/** The same of the partition's cells. */
function counted(log: PartitionLog): Record<string, Counts> {
  const counts: Record<string, Counts> = {};
  const total = (bins: readonly number[]): number => bins.reduce((sum, count) => sum + count, 0);
  for (const [name, cell] of log.cells()) {
    const [kind, , week] = name.split('.');
    if (kind !== 'calibration') continue;
    for (const intent of INTENTS) {
      const { forecasts, settled } = (cell as CalibrationCell).intents[intent];
      if (total(forecasts) === 0) continue;
      counts[`${week} ${intent}`] = { forecasts: total(forecasts), settled: total(settled) };
    }
  }
  return counts;
}

test('every forecast is counted once, and settled once if it comes so, across restarts', () => {
  holds(
    fc.property(lives, fc.nat(40), (events, restartAt) => {
      const log = new PartitionLog();
      events.forEach((event, i) => {
        if (i === restartAt) log.restart();
        log.apply(event);
      });
      expect(counted(log)).toEqual(expected(events));
    }),
  );
});

test('no more comes true than was forecast; duplicates and late events count nothing', () => {
  holds(
    fc.property(lives, (events) => {
      const log = new PartitionLog();
      for (const event of events) {
        log.apply(event);
        log.apply(event);
      }
      const before = JSON.stringify(counted(log));
      const late = behavior(1_000, BASE_MS - DAY_MS);
      if (events.length > 0) log.apply(late);
      expect(JSON.stringify(counted(log))).toBe(before);
      for (const [name, cell] of log.cells()) {
        if (!name.startsWith('calibration.')) continue;
        for (const intent of INTENTS) {
          const { forecasts, settled } = (cell as CalibrationCell).intents[intent];
          settled.forEach((count, bin) => {
            expect(count).toBeLessThanOrEqual(forecasts[bin] as number);
          });
        }
      }
    }),
    100,
  );
});
