/**
 * `microtarget simulate-attribution`: attribution models against simulated worlds whose causes are
 * known. Needs no engine.
 */
import {
  reportScenario,
  type ScenarioReport,
  type Spread,
} from '../simulate/attribution-report.ts';
import { SCENARIOS } from '../simulate/causal-scenarios.ts';
import { integer, printJson, printLine, printTable, progress } from './print.ts';
import { CommandFailed } from './session.ts';

export interface SimulateAttributionOptions {
  readonly scenario?: string;
  readonly users: number;
  readonly seeds: number;
  readonly json?: boolean;
}

const EXIT_USAGE = 2;

/** Reports one scenario, or all of them. */
export function simulateAttributionCommand(options: SimulateAttributionOptions): void {
  const { scenario, json } = options;
  const chosen = SCENARIOS.filter(({ name }) => scenario === undefined || name === scenario);
  if (chosen.length === 0) {
    const names = SCENARIOS.map(({ name }) => name).join(', ');
    const message = `--scenario: expected one of ${names}; found ${scenario}`;
    throw new CommandFailed(message, { exitCode: EXIT_USAGE });
  }
  const users = Math.floor(options.users);
  const seeds = Math.floor(options.seeds);
  const bar = progress('simulating', chosen.length);
  const reports: ScenarioReport[] = [];
  for (const each of chosen) {
    reports.push(reportScenario(each, users, seeds));
    bar.update(reports.length);
  }
  bar.stop();
  if (json === true) printJson(reports);
  else reports.forEach(printScenario);
}

function printScenario(report: ScenarioReport): void {
  const { scenario, about, users, seeds, conversionRate, untouchedShare } = report;
  printLine(`${scenario}: ${about}`);
  printLine(
    `${integer(users)} users, ${seeds} seeds, ${percent(conversionRate.mean)} % convert, of them ` +
      `${percent(untouchedShare.mean)} % without any touch\n`,
  );
  printTable(
    ['channel', 'causal effect', '± MC error', 'Markov removal effect', 'true share %'],
    report.channels.map((each) => [
      each.channel,
      each.causalEffect.mean.toFixed(3),
      each.causalStandardError.toFixed(3),
      plusMinus(each.markovEffect, 1, 3),
      plusMinus(each.trueShare, 100, 1),
    ]),
  );
  printLine();
  printTable(
    [
      ...['model', 'mean error', 'rank correlation', 'most over-credited', 'points'],
      ...report.channels.map(({ channel }) => `${channel} %`),
    ],
    report.models.map(({ model, meanAbsoluteError, rankCorrelation, mostOverCredited, shares }) => [
      ...[model, plusMinus(meanAbsoluteError, 100, 1), plusMinus(rankCorrelation, 1, 2)],
      ...[mostOverCredited.channel, plusMinus(mostOverCredited.excess, 100, 1)],
      ...shares.map(({ mean }) => percent(mean)),
    ]),
  );
  printLine();
}

function plusMinus({ mean, sd }: Spread, scale: number, decimals: number): string {
  return `${(mean * scale).toFixed(decimals)} ± ${(sd * scale).toFixed(decimals)}`;
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}
