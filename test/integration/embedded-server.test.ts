/**
 * The embedded nats-server under the things that happen to it: kill, restart, neighbours, exits.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import ts, { type CompilerOptions, ModuleKind, ScriptTarget } from 'typescript';
import { expect, test } from 'vitest';
import type { NatsServerStartError } from '../../runtime/nats-server/embedded.ts';
import { startEmbeddedNatsServer } from '../../runtime/nats-server/embedded.ts';
import { isPortFree, readServerName } from '../../runtime/nats-server/port.ts';
import { assertServerFit } from '../../runtime/nats-server/requirements.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';
import { startTestServer } from '../nats-fixture.ts';

const HOST = '127.0.0.1';

function binaryPath(): string {
  const path = process.env.NATS_SERVER;
  if (path === undefined) throw new Error('Expected test/global-setup.ts to set NATS_SERVER.');
  return path;
}

test('what was acknowledged is there after the server was killed and restarted', async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine', { reconnect: false });
  assertServerFit(engine);
  await (await jetstreamManager(engine)).streams.add({ name: 'KEEP', subjects: ['keep.>'] });
  await jetstream(engine).publish('keep.a', 'one');
  const firstPid = server.server.pid;

  await server.server.kill();
  expect(server.server.pid).toBeUndefined();
  await server.server.restart();

  expect(server.server.pid).not.toBe(firstPid);
  const again = await (await jetstreamManager(await server.connectAs('engine'))).streams.info(
    'KEEP',
  );
  expect(again.state.messages).toBe(1);
});

test('a client reconnects by itself after a restart on the same port', async () => {
  await using server = await startTestServer();
  const engine = await server.connectAs('engine', { reconnectTimeWait: 20 });
  await server.server.restart();
  await expect
    .poll(() =>
      engine.flush().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
});

test('a taken port is named, with what to do about it', async () => {
  await using server = await startTestServer();
  await using stranger = createServer().listen(0, HOST);
  await once(stranger, 'listening');
  const { port } = stranger.address() as { port: number };
  const started = startEmbeddedNatsServer({
    binary: binaryPath(),
    storeDir: join(server.storeDir, 'other'),
    port,
    credentials: server.credentials,
  });
  await expect(started).rejects.toThrow(
    new RegExp(`port ${port} .*--nats-port.*MICROTARGET_NATS_URL`),
  );
});

test('a store that another server has open is refused, whatever the port', async () => {
  await using server = await startTestServer();
  const second = startEmbeddedNatsServer({
    binary: binaryPath(),
    storeDir: server.storeDir,
    port: 0,
    credentials: server.credentials,
  });
  await expect(second).rejects.toThrow(`nats-server process ${server.server.pid}`);
});

test('a server that ends by itself is reported with its last words', async () => {
  await using server = await startTestServer();
  const { promise: ended, resolve } = withResolvers<NatsServerStartError>();
  await using watched = await startEmbeddedNatsServer({
    binary: binaryPath(),
    storeDir: join(server.storeDir, 'watched'),
    port: 0,
    credentials: server.credentials,
    onUnexpectedExit: resolve,
  });
  process.kill(watched.pid ?? 0, 'SIGTERM');
  expect((await ended).message).toContain('Server Exiting');
});

test('a server that refuses its configuration is reported with its reason', async () => {
  await using server = await startTestServer();
  const bad = { ...server.credentials, app: { ...server.credentials.app, pass: '42' } };
  const started = startEmbeddedNatsServer({
    binary: binaryPath(),
    storeDir: join(server.storeDir, 'bad'),
    port: 0,
    credentials: bad,
  });
  await expect(started).rejects.toThrow(/did not start[\s\S]*nats\.conf/);
});

// On Linux only: elsewhere nobody tells the child that its parent was killed.
test.runIf(process.platform === 'linux')(
  'the server ends when the process that started it is killed',
  async () => {
    const folder = mkdtempSync(join(projectRoot(), '.microtarget', 'cache', 'orphan-'));
    transpile(folder, ['setup/project-root', ...SERVER_FILES.map((name) => `nats-server/${name}`)]);
    const script = `
      import { loadOrCreateCredentials } from './nats-server/credentials.js';
      import { startEmbeddedNatsServer } from './nats-server/embedded.js';
      const credentials = loadOrCreateCredentials({ file: 'local.env' });
      const options = { binary: process.env.NATS_SERVER, storeDir: 'store', port: 0, credentials };
      console.log((await startEmbeddedNatsServer(options)).port);
    `;
    writeFileSync(join(folder, 'owner.js'), script);
    const owner = spawn(process.execPath, ['owner.js'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const port = Number(line);
    expect(await readServerName(HOST, port)).toMatch(/^microtarget-/);

    owner.kill('SIGKILL');
    await expect.poll(() => isPortFree(HOST, port), { timeout: 5_000 }).toBe(true);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  },
);

const SERVER_FILES = ['credentials', 'embedded', 'port', 'store-owner'];

/** Turns modules of runtime/ into JavaScript below `folder`, for a Node that reads nothing else. */
function transpile(folder: string, modules: readonly string[]): void {
  const compilerOptions: CompilerOptions = {
    module: ModuleKind.ESNext,
    target: ScriptTarget.ES2023,
    rewriteRelativeImportExtensions: true,
  };
  for (const name of modules) {
    const source = readFileSync(join(projectRoot(), 'runtime', `${name}.ts`), 'utf8');
    const file = join(folder, `${name}.js`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, ts.transpileModule(source, { compilerOptions }).outputText);
  }
}

function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
