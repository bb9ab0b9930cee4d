/**
 * `microtarget simulate` and `demo`: simulated visitors against a running engine.
 */
import { systemClock } from '../ports.ts';
import { ingestMessage, publishInBulk, publishLive } from '../simulate/publish.ts';
import { Traffic } from '../simulate/traffic.ts';
import { integer, printJson, printLine, progress } from './print.ts';
import { connectAs } from './session.ts';

export interface SimulateOptions {
  readonly events: number;
  readonly visitors: number;
  readonly seed: number;
  /** Event time that the run spans, ending now. */
  readonly days: number;
  readonly json?: boolean;
}

const DAY_MS = 86_400_000;

/** Publishes a fixed number of events as fast as the log takes them. */
export async function simulateCommand(options: SimulateOptions): Promise<void> {
  const nc = await connectAs('engine', 'simulate');
  try {
    const { events, visitors, seed, days } = options;
    const traffic = new Traffic({ seed, visitors, prefix: 'sim' });
    const endMs = systemClock.nowMs();
    const stepMs = (days * DAY_MS) / events;
    function* messages() {
      for (let i = 0; i < events; i++) {
        yield ingestMessage(traffic.next(Math.floor(endMs - (events - i) * stepMs)));
      }
    }
    const bar = progress('publishing', events);
    const startedMs = performance.now();
    const stored = await publishInBulk(nc, messages(), (done) => bar.update(done));
    bar.stop();
    const elapsedMs = Math.round(performance.now() - startedMs);
    if (options.json === true) printJson({ stored, elapsed_ms: elapsedMs, seed });
    else printLine(`${integer(stored)} events stored in ${elapsedMs} ms (seed ${seed})`);
  } finally {
    await nc.close();
  }
}

/** Publishes live traffic until interrupted. */
export async function demoCommand(options: { rate: number; seed: number }): Promise<void> {
  const nc = await connectAs('engine', 'demo');
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  process.once('SIGTERM', () => stopping.abort());
  printLine(`${options.rate} events a second (seed ${options.seed}); stop with Ctrl-C`);
  const traffic = new Traffic({ seed: options.seed, visitors: 400, prefix: 'demo' });
  const next = (atMs: number) => traffic.next(atMs);
  await publishLive(nc, next, options.rate, systemClock, stopping.signal);
  await nc.drain();
}
