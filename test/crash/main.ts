/**
 * `npm run crash`: the crash test as a command.
 *
 * Exit codes: 0 all held, 1 something was lost, doubled, overspent or stuck, 2 wrong usage.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { printJson } from '../../runtime/cli/print.ts';
import { runCrashTest } from './harness.ts';
import { printReport } from './report.ts';

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

interface CommandOptions {
  readonly seed: number;
  readonly faults: number;
  readonly rate: number;
  readonly workers: number;
  readonly coordinators: number;
  readonly partitions: number;
  readonly visitors: number;
  readonly keep: boolean;
  readonly json: boolean;
}

const program = new Command('crash')
  .description('kills the engine again and again under load, and looks for what was lost')
  .option('--seed <n>', 'what is done and when', integer(0, 2 ** 31), Date.now() % 1_000_000)
  .option('--faults <k>', 'at least 6 for one of each kind', integer(1, 10_000), 10)
  .option('--rate <events>', 'events a second', integer(1, 50_000), 2_000)
  .option('--workers <n>', 'worker processes', integer(1, 16), 2)
  .option('--coordinators <n>', 'coordinator processes; one leads', integer(1, 8), 1)
  .option('--partitions <n>', 'partitions of the log', integer(1, 64), 8)
  .option('--visitors <n>', 'simulated visitors at any time', integer(1, 1_000_000), 2_000)
  .option('--keep', 'leave store and logs even if all held', false)
  .option('--json', 'print JSON', false)
  .exitOverride();

try {
  const { json, ...options } = program.parse().opts<CommandOptions>();
  process.exitCode = await crash(options, json);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function crash(options: Omit<CommandOptions, 'json'>, json: boolean): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => {
    // The second one does not wait; the children end with this process.
    if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupted.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const { seed, faults, rate, workers, coordinators, partitions, visitors } = options;
  const replay =
    `npm run crash -- --seed ${seed} --faults ${faults} --rate ${rate} --workers ${workers} ` +
    `--coordinators ${coordinators} --partitions ${partitions} --visitors ${visitors}`;
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  tell(replay);
  try {
    const report = await runCrashTest({ ...options, signal: interrupted.signal, report: tell });
    if (json) printJson(report);
    else printReport(report);
    if (report.folder !== undefined) tell(`\nstore and logs are in ${report.folder}`);
    if (report.problems.length === 0) return 0;
  } catch (error) {
    // The load would wait for acknowledgements that cannot come any more.
    if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED);
    tell(`\n${error instanceof Error ? error.stack : String(error)}`);
  }
  tell(`\nthe same experiment again: ${replay}`);
  return 1;
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
    }
    return value;
  };
}
