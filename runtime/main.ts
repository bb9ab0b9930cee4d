#!/usr/bin/env node
/**
 * The command line, and the composition root: every process of the engine starts here.
 *
 * Exit codes: 0 done, 1 a problem or a difference found, 2 wrong usage, 3 no engine to be reached.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { attributeCommand } from './cli/attribute.ts';
import { auditCommand } from './cli/audit.ts';
import { applyCampaigns, listCampaigns, setCampaignStatus } from './cli/campaigns.ts';
import { importPathsCommand } from './cli/import-paths.ts';
import { inspectPartitionsCommand, inspectUserCommand } from './cli/inspect.ts';
import { CommandFailed } from './cli/session.ts';
import { demoCommand, simulateCommand } from './cli/simulate.ts';
import { runRoles, up } from './cli/up.ts';

const EXIT_USAGE = 2;

const program = new Command('microtarget')
  .description('Real-time decisions and attribution on NATS JetStream')
  .showHelpAfterError('(add --help for help)')
  .exitOverride();

program
  .command('up')
  .description('run the whole engine here')
  .option('--demo', 'with campaigns and simulated traffic', false)
  .option('--rate <events>', 'simulated events a second', number(0.1, 5_000), 20)
  .option('--nats-port <port>', 'port of the nats-server it starts', number(0, 65_535))
  .option('--http-port <port>', 'port of the gateway', number(0, 65_535))
  .option('--store-dir <folder>', 'where the nats-server it starts keeps its streams')
  .action(up);
for (const role of ['worker', 'coordinator', 'gateway'] as const) {
  program
    .command(role)
    .description(`run a ${role} against a running nats-server`)
    .action(() => runRoles([role]));
}
program
  .command('demo')
  .description('live simulated traffic against a running engine')
  .option('--rate <events>', 'events a second', number(0.1, 5_000), 20)
  .option('--seed <n>', 'seed of the visitors', number(0, 2 ** 31), 1)
  .action(demoCommand);
program
  .command('simulate')
  .description('publish simulated events as fast as they are stored')
  .option('--events <n>', 'how many', number(1, 50_000_000), 10_000)
  .option('--visitors <n>', 'visitors at any time', number(1, 5_000_000), 1_000)
  .option('--days <n>', 'event time they span, ending now', number(0, 3_650), 1)
  .option('--seed <n>', 'seed of the visitors', number(0, 2 ** 31), 1)
  .option('--json', 'print JSON')
  .action(simulateCommand);
program
  .command('import')
  .description('publish the journeys of a path table (path, conversions, nulls) as events')
  .argument('<file.csv>', 'columns path,total_conversions,total_conversion_value,total_null')
  .option('--separator <text>', 'between the channels of a path', '>')
  .option('--json', 'print JSON')
  .action(importPathsCommand);

const inspect = program.command('inspect').description('look into actors');
inspect
  .command('user')
  .description('statechart, fused state, path and last decision of a user')
  .argument('<id>')
  .option('--json', 'print JSON')
  .action(inspectUserCommand);
inspect
  .command('partitions')
  .description('owners, positions and lag')
  .option('--json', 'print JSON')
  .action(inspectPartitionsCommand);

program
  .command('attribute')
  .description('what each channel causes, live')
  .option('--from <yyyymmdd>', 'first day of path start')
  .option('--to <yyyymmdd>', 'last day of path start')
  .option('--transitions', 'with the transition counts')
  .option('--json', 'print JSON')
  .action(attributeCommand);
program
  .command('audit')
  .description('calculate everything again from the log and compare')
  .option('--json', 'print JSON')
  .action(auditCommand);

const campaigns = program.command('campaigns').description('manage campaigns');
campaigns.command('list').option('--json', 'print JSON').action(listCampaigns);
campaigns
  .command('apply')
  .argument('<file.json>', 'one campaign or a list')
  .option('--json', 'print JSON')
  .action(applyCampaigns);
for (const action of ['pause', 'resume', 'end'] as const) {
  campaigns
    .command(action)
    .argument('<id>')
    .option('--json', 'print JSON')
    .action((id: string, options: { json?: boolean }) => setCampaignStatus(action, id, options));
}

// A reader like `head` may leave early; that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  // A person reads the message; the stack is for faults that nobody foresaw.
  const isForeseen =
    error instanceof Error &&
    (error instanceof CommandFailed || 'retryable' in error || error.name === 'ConfigError');
  const text = isForeseen ? (error as Error).message : ((error as Error).stack ?? String(error));
  process.stderr.write(`${text}\n`);
  return error instanceof CommandFailed ? error.exitCode : 1;
}

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max)) {
      throw new InvalidArgumentError(`expected a number from ${min} to ${max}`);
    }
    return value;
  };
}
