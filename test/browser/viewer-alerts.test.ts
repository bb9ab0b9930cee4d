/**
 * What a viewer's page says of alerts, none of which its feed tells: a real engine and browser.
 */
import { jetstream } from '@nats-io/jetstream';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Alert } from '../../protocols/alert.ts';
import { liveReportSchema } from '../../protocols/live-figures.ts';
import { alertSubject, MARKETER_FEED, SERVICES } from '../../protocols/subjects.ts';
import { findChromium } from './chromium.ts';
import { DashboardFixture } from './dashboard-fixture.ts';

/** The page asks every 15 s. */
const ASKED_AGAIN_MS = 25_000;

function alertOf(key: string, change: Partial<Alert>): Alert {
  const now = Date.now();
  return {
    ...{ v: 2, id: `event_rate.${key}`, kind: 'event_rate', key, scope: {}, status: 'open' },
    ...{ since_ms: now, changed_ms: now, acknowledged: null, direction: 'low', expected: 8 },
    ...{ found: 0, unit: 'events/s', z: -9, cause: 'total_outage', meaning: 'nothing comes' },
    ...change,
  };
}

/** Has no windows missing, for which the page would ask, and for all else with them. */
async function withoutCatchingUp(page: Page): Promise<void> {
  await page.route('**/v1/inspect/live', async (route) => {
    const response = await route.fetch();
    const report = liveReportSchema.parse(await response.json());
    const from_ms = Date.now() + 3_600_000;
    const window = { from_ms, events: 0, expected_events: null, visits: 0, conversions: 0 };
    const money = { value_micros: 0, cost_micros: 0, spend_micros: 0, decisions: 0 };
    const history = { ...report.history, windows: [{ ...window, ...money }] };
    await route.fulfill({ response, json: { ...report, history } });
  });
  await page.reload();
}

describe.skipIf(findChromium() === undefined)("a viewer's alerts", () => {
  let shop: DashboardFixture;
  beforeAll(async () => {
    shop = await DashboardFixture.start();
  });
  afterAll(async () => shop?.[Symbol.asyncDispose]());

  const store = async (alert: Alert): Promise<void> => {
    const subject = alertSubject(alert.kind, alert.key, alert.since_ms);
    await jetstream(shop.nc).publish(subject, JSON.stringify(alert));
  };

  test('come and go without a reload, small groups and acknowledging left out', async () => {
    const outage = alertOf('(all)/(all)', {});
    await store(outage);
    const { page, complaints } = await shop.open('viewer');
    await withoutCatchingUp(page);
    const banner = page.getByTestId('alert-headline');
    const log = page.locator('#alerts');
    await banner.filter({ hasText: 'no events' }).waitFor();
    await log.getByText('open', { exact: true }).waitFor();

    // It is over: the frame has it no more, and the page asks why before it would ask anyway.
    await store({ ...outage, status: 'resolved', changed_ms: outage.since_ms + 60_000 });
    const answer = await shop.nc.request(SERVICES.inspectMarketerLive, '{}');
    const { frame } = liveReportSchema.parse(answer.json());
    shop.nc.publish(MARKETER_FEED, JSON.stringify({ ...frame, alerts: [outage] }));
    await banner.waitFor({ state: 'detached', timeout: 5_000 });
    await log.getByText('resolved', { exact: true }).waitFor({ timeout: 1_000 });

    // No frame tells of a breaker's alert.
    const small = { scope: { source: 'kiosk' }, cause: 'source_outage' } as const;
    await store(alertOf('kiosk/(all)', small));
    const spend = { scope: { campaign: 'SUMMER' }, kind: 'runaway_spend' } as const;
    await store(alertOf('SUMMER', { ...spend, cause: 'runaway_spend' }));
    await banner.filter({ hasText: 'Runaway' }).waitFor({ timeout: ASKED_AGAIN_MS });
    expect(await page.getByText('kiosk').count()).toBe(0);
    expect(await page.getByRole('button', { name: /acknowledge/i }).count()).toBe(0);
    expect(complaints).toEqual([]);
  }, 60_000);
});
