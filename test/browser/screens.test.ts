/**
 * Every view as people see it, light and dark, on a desk and on a phone; with SCREENS_AFTER_S the
 * pictures of docs/screens are made anew, after so many seconds of traffic:
 *
 *     SCREENS_AFTER_S=1200 npm test test/browser/screens.test.ts
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { campaignsReportSchema } from '../../protocols/campaign-services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { ask } from '../../runtime/cli/session.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { DEMO_CAMPAIGNS } from '../../runtime/simulate/demo-campaigns.ts';
import { findChromium } from './chromium.ts';
import { DashboardFixture, DESK, type OpenPage, PHONE } from './dashboard-fixture.ts';
import { ShopTraffic } from './shop-traffic.ts';

const EVENTS_PER_SECOND = 60;
/** Enough for an outage to be noticed. */
const SHORT_WARM_UP_S = 30;
const MIN_PICTURE_BYTES = 20_000;
/** Charts are drawn a moment after their figures come. */
const DRAWN_AFTER_MS = 1_500;

const warmUpS = Number(process.env.SCREENS_AFTER_S ?? SHORT_WARM_UP_S);
const isForDocs = process.env.SCREENS_AFTER_S !== undefined;
const LIGHT: BrowserContextOptions = { ...DESK, colorScheme: 'light' };
const DARK: BrowserContextOptions = { ...DESK, colorScheme: 'dark' };
const DARK_PHONE: BrowserContextOptions = { ...PHONE, colorScheme: 'dark' };

describe.skipIf(findChromium() === undefined)('screens', () => {
  let shop: DashboardFixture;
  let traffic: ShopTraffic;
  let folder: string;

  beforeAll(
    async () => {
      folder = isForDocs
        ? join(projectRoot(), 'docs', 'screens')
        : mkdtempSync(join(tmpdir(), 'microtarget-screens-'));
      mkdirSync(folder, { recursive: true });
      shop = await DashboardFixture.start();
      const campaigns = [...DEMO_CAMPAIGNS];
      const by = 'marketing';
      await ask(shop.nc, SERVICES.applyCampaigns, { campaigns, by }, campaignsReportSchema);
      traffic = new ShopTraffic(shop.nc, EVENTS_PER_SECOND);
      await new Promise((resolve) => setTimeout(resolve, warmUpS * 1_000));
    },
    (warmUpS + 60) * 1_000,
  );
  afterAll(async () => {
    await traffic?.stop();
    await shop?.[Symbol.asyncDispose]();
    if (!isForDocs) rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a view and takes its picture; the browser may not complain. */
  async function shoot(
    name: string,
    view: string,
    options: BrowserContextOptions,
    ready: (page: Page) => Promise<unknown>,
    isWhole = true,
  ): Promise<void> {
    const open: OpenPage = await shop.open('ops', options);
    const { page, complaints } = open;
    await page.goto(`${shop.origin}/${view}`);
    await ready(page);
    await page.waitForTimeout(DRAWN_AFTER_MS);
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path, fullPage: isWhole });
    await page.context().close();
    expect(statSync(path).size).toBeGreaterThan(MIN_PICTURE_BYTES);
    expect(complaints).toEqual([]);
  }

  const byName = (name: string | RegExp) => (page: Page) =>
    page.getByRole('heading', { name }).first().waitFor();

  test('marketing', () => shoot('marketing', '#/', LIGHT, byName(/fill rate/i)), 60_000);
  test('marketing in the dark', () => shoot('dark', '#/', DARK, byName(/fill rate/i)), 60_000);
  test(
    'marketing on a phone',
    () => shoot('phone', '#/', DARK_PHONE, byName(/last hour/i), false),
    60_000,
  );
  test('operations', () => shoot('operations', '#/operations', LIGHT, byName(/stage/i)), 60_000);
  test(
    "a user's actor",
    () => shoot('user', `#/users/${traffic.busiest}`, LIGHT, byName(/statechart/i)),
    60_000,
  );
  test('an outage of one source', async () => {
    traffic.silence('ios');
    const alert = (page: Page) =>
      page.getByTestId('alert-headline').filter({ hasText: 'ios' }).waitFor();
    await shoot('outage', '#/', LIGHT, alert, false);
  }, 60_000);
});
