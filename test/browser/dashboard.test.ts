/**
 * The dashboard in a real browser, on a real engine that takes in a shop's traffic.
 */
import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeUserId, type UserId } from '../../protocols/ids.ts';
import { ingestSubject } from '../../protocols/subjects.ts';
import { auditEngine } from '../../runtime/audit/audit.ts';
import {
  formatCount,
  formatMoney,
  formatRate,
  formatShare,
} from '../../runtime/dashboard/components/format.ts';
import { until } from '../engine-fixture.ts';
import { findChromium, NO_CHROMIUM } from './chromium.ts';
import { countIn, DashboardFixture, figure, type OpenPage, PHONE } from './dashboard-fixture.ts';
import { ShopTraffic } from './shop-traffic.ts';

const EVENTS_PER_SECOND = 120;
/** Detectors need some windows before they say anything. */
const WARM_UP_MS = 110_000;
const ALERT_DEADLINE_MS = 20_000;

const hasChromium = findChromium() !== undefined;
if (!hasChromium) process.stderr.write(`${NO_CHROMIUM}\n`);

describe.skipIf(!hasChromium)('dashboard', () => {
  let shop: DashboardFixture;
  let traffic: ShopTraffic;
  let ops: OpenPage;
  let startedMs: number;

  beforeAll(async () => {
    shop = await DashboardFixture.start();
    startedMs = Date.now();
    traffic = new ShopTraffic(shop.nc, EVENTS_PER_SECOND);
    ops = await shop.open('ops');
  });
  afterAll(async () => {
    await traffic?.stop();
    await shop?.[Symbol.asyncDispose]();
  });

  test('figures move several times a second while events flow', async () => {
    const { page } = ops;
    const seen = new Set<number>();
    await until(
      'ten different counts of events',
      async () => {
        seen.add(countIn(await figure(page, 'events')));
        return seen.size >= 10;
      },
      5_000,
    );
    const counts = [...seen];
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    await expect.poll(() => page.getByTestId('freshness').textContent()).toMatch(/live/i);
  });

  test("a user's statechart changes on an event", async () => {
    const { page } = ops;
    await send(shop, 'ada', 'view_item', 0);
    await page.goto(`${shop.origin}/#/users/ada`);
    await lit(page, 'funnel', 'exploring');
    expect(await isLit(page, 'session', 'active')).toBe(true);
    await send(shop, 'ada', 'add_to_cart', 1);
    await lit(page, 'funnel', 'considering');
    await send(shop, 'ada', 'begin_checkout', 2);
    await lit(page, 'funnel', 'buying');
    expect(await isLit(page, 'funnel', 'exploring')).toBe(false);
  });

  test('a user whom nobody knows is answered in words, not with an empty page', async () => {
    const { page } = ops;
    await page.goto(`${shop.origin}/#/users/nobody-of-this-name`);
    await page
      .getByText(/nobody-of-this-name/)
      .first()
      .waitFor();
    await page
      .getByText(/no events|unknown|not known|never/i)
      .first()
      .waitFor();
  });

  test('operations shows each partition with its owner', async () => {
    const { page } = ops;
    await page.goto(`${shop.origin}/#/operations`);
    for (const partition of [0, 1, 2, 3]) {
      await expect
        .poll(() => page.getByTestId(`partition-${partition}`).textContent(), { timeout: 10_000 })
        .toMatch(/running/);
    }
  });

  test('a viewer sees marketing, and neither operations nor users', async () => {
    const { page, complaints } = await shop.open('viewer');
    await until('figures', async () => countIn(await figure(page, 'events')) > 0);
    expect(await page.getByRole('tab', { name: 'Users' }).count()).toBe(0);
    const alerts = "fetch('/v1/inspect/alerts').then(({ status }) => status)";
    expect(await page.evaluate(alerts)).toBe(200);
    await page.goto(`${shop.origin}/#/users/ada`);
    await page
      .getByText(/operator|ops/i)
      .first()
      .waitFor();
    expect(complaints.filter((each) => !each.includes('403'))).toEqual([]);
    await page.context().close();
  });

  test('a wrong password is refused in words', async () => {
    const { page } = await shop.openPage();
    await page.goto(shop.origin);
    await page.getByLabel('Name').fill('ops');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText(/password is wrong/).waitFor();
    await page.context().close();
  });

  test('views are reached by keyboard', async () => {
    const { page } = ops;
    await page.goto(`${shop.origin}/#/`);
    await page.getByRole('tab', { name: 'Marketing' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForURL(/#\/operations/);
    expect(await page.getByRole('tab', { name: 'Operations' }).getAttribute('aria-selected')).toBe(
      'true',
    );
  });

  test('nothing is wider than a phone, in any view', async () => {
    const { page } = await shop.open('ops', PHONE);
    for (const view of ['#/', '#/operations', '#/users/ada']) {
      await page.goto(`${shop.origin}/${view}`);
      await page.getByRole('heading', { level: 2 }).first().waitFor();
      const width = await page.evaluate('document.documentElement.scrollWidth');
      expect(width, view).toBeLessThanOrEqual(PHONE.viewport?.width ?? 0);
    }
    await page.context().close();
  });

  test('a threefold surge of one source is on the page within seconds', async () => {
    const { page } = ops;
    await page.goto(`${shop.origin}/#/`);
    await until('enough history', () => Date.now() - startedMs > WARM_UP_MS, WARM_UP_MS);
    expect(await page.getByTestId('alert-headline').count()).toBe(0);
    traffic.surge('ios', 4);
    const alert = page.getByTestId('alert-headline');
    await alert.filter({ hasText: 'ios' }).waitFor({ timeout: ALERT_DEADLINE_MS });
    expect(await page.getByRole('button', { name: /acknowledge/i }).count()).toBeGreaterThan(0);
    await page
      .getByRole('button', { name: /acknowledge/i })
      .first()
      .click();
    await page
      .getByText(/acknowledged/i)
      .first()
      .waitFor();
    traffic.restore('ios');
  }, 180_000);

  test('an outage of one source is on the page within seconds, and its end too', async () => {
    const { page } = ops;
    traffic.silence('android');
    const alert = page.getByTestId('alert-headline').filter({ hasText: 'android' });
    await alert.waitFor({ timeout: ALERT_DEADLINE_MS });
    traffic.restore('android');
    await alert.waitFor({ state: 'detached', timeout: 60_000 });
  }, 90_000);

  test('the browser had nothing to complain about', () => {
    const unexpected = ops.complaints.filter((each) => !each.includes('404'));
    expect(unexpected).toEqual([]);
  });

  test('ROAS, rates and velocity on the page are those of the audit', async () => {
    const { page } = ops;
    await traffic.stop();
    await page.goto(`${shop.origin}/#/`);
    const { figures, differences } = await until('the audit to see all events', async () => {
      const report = await auditEngine(shop.nc);
      return report.figures.events === traffic.published + EVENTS_OF_ADA && report;
    });
    expect(differences).toEqual([]);
    await expect
      .poll(async () => countIn(await figure(page, 'events')), { timeout: 10_000 })
      .toBe(figures.events);
    expect(await figure(page, 'roas')).toBe(formatRate(figures.roas));
    expect(await figure(page, 'revenue')).toBe(
      formatMoney(figures.value_micros - figures.refunded_micros, 'USD'),
    );
    expect(await figure(page, 'conversions')).toBe(formatCount(figures.conversions));
    await expect
      .poll(() => figure(page, 'conversion-rate'), { timeout: 10_000 })
      .toBe(formatShare(figures.conversion_rate, 2));
    await expect
      .poll(() => figure(page, 'fill-rate'), { timeout: 10_000 })
      .toBe(formatShare(figures.fill_rate));
    for (const { from, to, p50_ms } of figures.velocity) {
      const shown = await page
        .getByTestId(`velocity-${from}-${to}`)
        .first()
        .getAttribute('data-p50-ms');
      expect(Math.abs(Number(shown) - (p50_ms ?? 0))).toBeLessThanOrEqual(0.011 * (p50_ms ?? 0));
    }
  }, 60_000);

  test('the page says that it lost the engine, and comes back by itself', async () => {
    const { page } = ops;
    await shop.engine.stop();
    await expect
      .poll(() => page.getByTestId('freshness').textContent(), { timeout: 15_000 })
      .toMatch(/reconnecting/i);
    await shop.startAgain();
    await expect
      .poll(() => page.getByTestId('freshness').textContent(), { timeout: 15_000 })
      .not.toMatch(/reconnecting/i);
  }, 60_000);
});

const EVENTS_OF_ADA = 3;

/** An event of a user, stored when the promise settles. */
async function send(shop: DashboardFixture, user: string, name: string, index: number) {
  const event = {
    event_id: randomUUID(),
    session_index: index,
    timestamp: Date.now(),
    user_mode: 'authenticated',
    source: 'web',
    region: 'eu-west',
    ...{ name, item: 'shoes-1', topics: ['shoes'] },
  };
  const subject = ingestSubject(encodeUserId(user as UserId));
  await shop.nc.request(subject, JSON.stringify(event));
}

async function isLit(page: Page, region: string, state: string): Promise<boolean> {
  const current = page.getByTestId(`state-${region}-${state}`).first();
  return (await current.getAttribute('data-current')) === 'true';
}

async function lit(page: Page, region: string, state: string): Promise<void> {
  await page.getByTestId(`state-${region}-${state}`).first().waitFor();
  await expect.poll(() => isLit(page, region, state), { timeout: 10_000 }).toBe(true);
}
