/**
 * The dashboard as its users have it: a real engine, its gateway, and a real browser that is logged
 * in. What the browser complains about is kept, for the tests to refuse.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { type Config, loadConfig } from '../../runtime/config.ts';
import type { Engine, Role } from '../../runtime/engine.ts';
import type { NatsRole } from '../../runtime/nats-server/credentials.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer, type TestServer } from '../nats-fixture.ts';
import { type OwnBrowser, startChromium } from './chromium.ts';

export const DESK: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  hasTouch: true,
};

/** A page and what its browser complained about. */
export interface OpenPage {
  readonly page: Page;
  readonly complaints: string[];
}

export class DashboardFixture implements AsyncDisposable {
  readonly server: TestServer;
  readonly nc: NatsConnection;
  readonly chromium: OwnBrowser;
  /** Where the page is. */
  readonly origin: string;
  engine: Engine;

  private constructor(server: TestServer, nc: NatsConnection, engine: Engine, own: OwnBrowser) {
    this.server = server;
    this.nc = nc;
    this.engine = engine;
    this.origin = engine.gateway?.listeningOrigin ?? '';
    this.chromium = own;
  }

  static async start(changes: Partial<Config> = {}): Promise<DashboardFixture> {
    const server = await startTestServer();
    const nc = await server.connectAs('engine');
    const engine = await startTestEngine(nc, ALL_ROLES, changes);
    await until('a coordinator', () => engine.coordinator?.isLeading === true);
    return new DashboardFixture(server, nc, engine, await startChromium());
  }

  /** Another engine in the place of one that was stopped, at the same address. */
  async startAgain(): Promise<void> {
    const port = Number(new URL(this.origin).port);
    const http = { ...loadConfig({}).http, port };
    this.engine = await startTestEngine(this.nc, ALL_ROLES, { http });
    await until('a coordinator', () => this.engine.coordinator?.isLeading === true);
  }

  /** Opens the page and logs in with the form. */
  async open(role: NatsRole, options: BrowserContextOptions = DESK): Promise<OpenPage> {
    const { page, complaints } = await this.openPage(options);
    await page.goto(this.origin);
    await page.getByLabel('Name').fill(role);
    await page.getByLabel('Password').fill(this.server.credentials[role].pass);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByTestId('freshness').waitFor();
    // Whoever is not logged in yet is told so by a 401, which the browser notes.
    complaints.length = 0;
    return { page, complaints };
  }

  /** A page of its own, empty so far. */
  async openPage(options: BrowserContextOptions = DESK): Promise<OpenPage> {
    const context = await this.chromium.browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        complaints.push(message.text());
      }
    });
    return { page, complaints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.chromium[Symbol.asyncDispose]();
    await this.engine.stop();
    await this.server[Symbol.asyncDispose]();
  }
}

const ALL_ROLES: ReadonlySet<Role> = new Set(['worker', 'coordinator', 'gateway']);

/** The text of a figure as it stands now. */
export async function figure(page: Page, name: string): Promise<string> {
  return (await page.getByTestId(`figure-${name}`).textContent()) ?? '';
}

/** The digits of a count, without the marks between thousands. */
export function countIn(text: string): number {
  return Number(text.replace(/\D/g, ''));
}
