/**
 * A real Chromium for tests and benchmarks of the dashboard: found where distributions put it,
 * never downloaded.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Nothing but the page may use the network, and there may be no user namespace to sandbox in. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser's program, or undefined where none is installed. */
export function findChromium(): string | undefined {
  const named = process.env.CHROMIUM;
  if (named !== undefined && named !== '') return named;
  return USUAL_PLACES.find((place) => existsSync(place));
}

/** Said where browser tests are skipped. */
export const NO_CHROMIUM =
  'browser tests skipped: no Chromium found; install one (Debian: apt-get install chromium) ' +
  'or name it in CHROMIUM';

/** A browser with a profile of its own, which goes with it. */
export interface OwnBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

/**
 * Starts a browser.
 *
 * @throws Error if none is installed.
 */
export async function startChromium(): Promise<OwnBrowser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(NO_CHROMIUM);
  const home = mkdtempSync(join(tmpdir(), 'microtarget-browser-'));
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  const browser = await chromium.launch({ executablePath, args: FLAGS, env: definedOf(env) });
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close();
      rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
