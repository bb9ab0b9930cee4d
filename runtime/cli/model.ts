/**
 * `microtarget model`: show the model in force, and put another one in force.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import type { Model } from '../../protocols/model.ts';
import { type ModelQuality, modelQualitySchema } from '../../protocols/model-quality.ts';
import {
  applicableModelSchema,
  type ModelReport,
  modelReportSchema,
} from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { pause } from '../timing.ts';
import { readJsonFile } from './json-file.ts';
import { checkNetworkHere, withNetwork } from './onnx-model.ts';
import { integer, printJson, printLine, printTable, progress } from './print.ts';
import { ask, CommandFailed, connectAs } from './session.ts';

const TAKE_IN_POLL_MS = 200;

interface JsonOption {
  readonly json?: boolean;
}
interface ApplyOptions extends JsonOption {
  /** How long to wait for the partitions, in seconds; a backlog may take longer. */
  readonly wait: number;
  /** The ONNX file that the model takes its concepts from. */
  readonly onnx?: string;
}

/** Shows the model in force and which partitions have it. */
export async function showModel(options: JsonOption): Promise<void> {
  const nc = await connectAs('ops', 'model');
  try {
    printReport(await ask(nc, SERVICES.inspectModel, {}, modelReportSchema), options);
  } finally {
    await nc.close();
  }
}

/** Shows how well the model in force holds: calibration and drift. */
export async function showModelQuality(options: JsonOption): Promise<void> {
  const nc = await connectAs('ops', 'model');
  try {
    const report = await ask(nc, SERVICES.inspectModelQuality, {}, modelQualitySchema);
    if (options.json === true) printJson(report);
    else printQuality(report);
  } finally {
    await nc.close();
  }
}

/** Puts the model of a file in force, without one this release's own, and waits for it. */
export async function applyModel(file: string | undefined, options: ApplyOptions): Promise<void> {
  const model = await modelToApply(file, options.onnx);
  const nc = await connectAs('ops', 'model');
  try {
    const first = await ask(nc, SERVICES.applyModel, { model }, modelReportSchema);
    const report = await takenIn(nc, first, options.wait * 1_000);
    const missing = without(report);
    if (missing.length === 0 || options.json === true) printReport(report, options);
    if (missing.length === 0) return;
    throw new CommandFailed(
      `model ${report.version} is stored and will come into force, but partitions ` +
        `${missing.join(', ')} have not taken it in yet: is a worker running, is it behind? ` +
        'Look with `microtarget model show` and `microtarget inspect partitions`.',
    );
  } finally {
    await nc.close();
  }
}

async function modelToApply(file: string | undefined, onnx: string | undefined): Promise<Model> {
  if (file === undefined) {
    if (onnx === undefined) return DEFAULT_REFERENCE.scorer.model;
    throw new CommandFailed(
      'expected a model beside --onnx, found none; `microtarget model template` makes one',
    );
  }
  const read = readModel(file);
  if (onnx === undefined) {
    await checkNetworkHere(read);
    return read;
  }
  const named = await withNetwork(read, onnx);
  const model = checked(file, named.model);
  await named.keep();
  return model;
}

/**
 * Reads a model from a file.
 *
 * @throws CommandFailed with each field that is wrong and why.
 */
export function readModel(file: string): Model {
  return checked(file, readJsonFile(file));
}

function checked(file: string, content: unknown): Model {
  const parsed = applicableModelSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `  ${path.map(String).join('.') || 'the model'}: ${message}`,
  );
  throw new CommandFailed(`${file}:\n${problems.join('\n')}`);
}

/** Waits until every partition shows the model, or the time is up. */
async function takenIn(
  nc: NatsConnection,
  first: ModelReport,
  waitMs: number,
): Promise<ModelReport> {
  const deadlineMs = performance.now() + waitMs;
  const shown = progress('partitions', first.partitions.length);
  let report = first;
  while (without(report).length > 0 && performance.now() < deadlineMs) {
    shown.update(report.partitions.length - without(report).length);
    await pause(TAKE_IN_POLL_MS);
    report = await ask(nc, SERVICES.inspectModel, {}, modelReportSchema);
  }
  shown.stop();
  return report;
}

/** The partitions that do not have the model yet. */
function without({ version, partitions }: ModelReport): number[] {
  return partitions.flatMap((each) => ((each.version ?? 0) < version ? [each.partition] : []));
}

/** Population stability from which a feature is worth a look, and from which it has moved. */
const PSI_MODERATE = 0.1;
const PSI_LARGE = 0.25;
const SHOWN_FEATURES = 15;

function printQuality({ version, name, intents, features }: ModelQuality): void {
  printLine(`model ${version}, ${JSON.stringify(name)}\n`);
  const percent = (share: number | null): string =>
    share === null ? '–' : `${(share * 100).toFixed(2)}%`;
  printTable(
    ['forecast', 'known outcomes', 'mean forecast', 'came so', 'calibration error'],
    Object.entries(intents).map(([intent, each]) => [
      intent,
      integer(each.forecasts),
      percent(each.mean_forecast),
      percent(each.rate),
      percent(each.ece),
    ]),
  );
  printLine('\nfeatures, by distance from those it was trained on');
  const read = features.flatMap(({ psi, ...each }) => (psi === null ? [] : [{ ...each, psi }]));
  if (read.length === 0) printLine('  none was read so far');
  read.sort((a, b) => b.psi - a.psi);
  const grade = (psi: number): string =>
    psi >= PSI_LARGE ? 'has moved' : psi >= PSI_MODERATE ? 'look at it' : '';
  const rows = read.slice(0, SHOWN_FEATURES).map((each) => {
    return [each.name, integer(each.readings), each.psi.toFixed(3), grade(each.psi)];
  });
  if (rows.length > 0) printTable(['feature', 'readings', 'stability index', ''], rows);
}

function printReport(report: ModelReport, options: JsonOption): void {
  if (options.json === true) {
    printJson(report);
    return;
  }
  const { version, name, features, network, partitions } = report;
  const behind = without(report).length;
  const all = integer(partitions.length);
  const having = integer(partitions.length - behind);
  printLine(`model ${version}, ${JSON.stringify(name)}, reads ${integer(features)} features`);
  if (network !== undefined) printLine(`its concepts come from the network ${network}.onnx`);
  printLine(`in force in ${behind === 0 ? `all ${all}` : `${having} of ${all}`} partitions`);
  if (behind === 0) return;
  printTable(
    ['partition', 'model'],
    partitions.map((each) => [String(each.partition), each.version?.toString() ?? '(none yet)']),
  );
}
