#!/usr/bin/env node
/**
 * The command line, and the composition root: every process of the engine starts here.
 *
 * Exit codes: 0 done, 1 a problem or a difference found, 2 wrong usage, 3 no engine to be reached.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addAlertCommands } from './cli/alerts.ts';
import { type AttributeOptions, attributeCommand } from './cli/attribute.ts';
import { attributeFileCommand } from './cli/attribute-file.ts';
import {
  type AttributeFileOptions,
  withFileOptions,
  withoutFileOptions,
} from './cli/attribute-file-options.ts';
import { auditCommand } from './cli/audit.ts';
import { addCampaignCommands, addInspectCampaign } from './cli/campaign-commands.ts';
import { channelCommand } from './cli/channel.ts';
import { dashboardCommand } from './cli/dashboard.ts';
import { detectCommand } from './cli/detect.ts';
import { explainCommand } from './cli/explain.ts';
import { importPathsCommand } from './cli/import-paths.ts';
import { inspectPartitionsCommand, inspectUserCommand } from './cli/inspect.ts';
import { inspectConversionCommand } from './cli/inspect-conversion.ts';
import { applyModel, showModel, showModelQuality } from './cli/model.ts';
import { printModelTemplate } from './cli/onnx-model.ts';
import { CommandFailed } from './cli/session.ts';
import { demoCommand, simulateCommand } from './cli/simulate.ts';
import { simulateAttributionCommand } from './cli/simulate-attribution.ts';
import { trainCommand } from './cli/train.ts';
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
  .command('dashboard')
  .description('print a link that opens the dashboard, logged in')
  .option('--viewer', 'as a viewer: no single users, no changes', false)
  .option('--url <address>', 'of the gateway; the one that runs here unless told')
  .option('--json', 'print JSON')
  .action(dashboardCommand);
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
  .command('simulate-attribution')
  .description('attribution models against simulated users whose causes are known')
  .option('--scenario <name>', 'one of the scenarios; all of them unless told')
  .option('--users <n>', 'users of each run', number(1, 500_000), 50_000)
  .option('--seeds <n>', 'runs of each scenario, each with its own users', number(1, 20), 5)
  .option('--json', 'print JSON')
  .action(simulateAttributionCommand);
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
  .command('conversion')
  .description('an order with its path, and who is credited with it under each model')
  .argument('<order_id>')
  .option('--json', 'print JSON')
  .action(inspectConversionCommand);
addInspectCampaign(inspect);
inspect
  .command('partitions')
  .description('owners, positions and lag')
  .option('--json', 'print JSON')
  .action(inspectPartitionsCommand);

const attribute = program
  .command('attribute')
  .description('what each channel is credited with, live or in a file')
  .argument('[file]', 'a path table or a file of events: docs/attribute.md')
  .option('--from <yyyymmdd>', 'first day of path start')
  .option('--to <yyyymmdd>', 'last day of path start')
  .option('--transitions', 'with the transition counts')
  .option('--json', 'print JSON');
withFileOptions(attribute).action(
  (file: string | undefined, options: AttributeOptions & AttributeFileOptions) =>
    file === undefined
      ? attributeCommand(withoutFileOptions(options))
      : attributeFileCommand(file, options),
);
program
  .command('explain')
  .description('why a decision was made, and the same decision made again from the log')
  .argument('<decision_id>')
  .option('--no-rerun', 'only the receipt')
  .option('--json', 'print JSON')
  .action(explainCommand);
program
  .command('audit')
  .description('calculate everything again from the log and compare')
  .option('--json', 'print JSON')
  .action(auditCommand);

program
  .command('detect')
  .description('what is unusual in a series of points: docs/detect.md')
  .argument('<file.csv>', 'columns timestamp,value')
  .option('--mode <name>', 'robust, or plain for three sigma over the last points')
  .option(
    '--window <points>',
    'points that the plain mode remembers, 288 unless told',
    number(2, 10_000),
  )
  .option('--json', 'print a judgement of each row as JSON')
  .action(detectCommand);
program
  .command('channel')
  .description('which channel a touch comes by, and why')
  .option('--url <address>', 'the landing page with its utm parameters and click ids')
  .option('--source <name>', 'utm source')
  .option('--medium <name>', 'utm medium')
  .option('--campaign <name>', 'utm campaign')
  .option('--referrer <address>', 'the page that linked here')
  .option('--click-id <name[=value]>', 'e.g. gclid')
  .option('--rules <file.json>', 'a rule set of your own')
  .option('--print-rules', 'print the rule set')
  .option('--explain', 'with each rule that was tried')
  .option('--json', 'print JSON')
  .action(channelCommand);

addCampaignCommands(program);
addAlertCommands(program);

const model = program.command('model').description('what users are scored by');
model
  .command('show')
  .description('the model in force, and which partitions have it')
  .option('--json', 'print JSON')
  .action(showModel);
model
  .command('quality')
  .description('how well the model in force holds: calibration and drift, live')
  .option('--json', 'print JSON')
  .action(showModelQuality);
model
  .command('apply')
  .description('put another model in force; it needs a greater version')
  .argument('[file.json]', 'a model; without one, the one of this release')
  .option('--onnx <file.onnx>', 'take its concepts from this network: docs/own-model.md')
  .option('--wait <seconds>', 'how long to wait for the partitions', number(0, 86_400), 30)
  .option('--json', 'print JSON')
  .action(applyModel);
model
  .command('template')
  .description('print a model around a network of your own, to be edited: docs/own-model.md')
  .requiredOption('--onnx <file.onnx>', 'the network')
  .option('--features <names>', 'what it reads, in its order: a,b,c', (list) => list.split(','))
  .action(printModelTemplate);

program
  .command('train')
  .description('train the model of a release on public data, with its card: docs/model-card.md')
  .option('--data <folder>', 'the public data sets; ../shared/data beside the project unless told')
  .option('--out <file>', 'the model; actors/model/released-model.json unless told')
  .option('--card <file>', 'the card; docs/model-card.md unless told')
  .option('--check', 'write nothing, and fail if a file would be another')
  .action(trainCommand);

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
