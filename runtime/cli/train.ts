/**
 * `microtarget train`: trains the model of a release on the public data sets, and writes it with
 * its card.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { FileProblem } from '../attribution-file/csv-file.ts';
import { projectRoot } from '../setup/project-root.ts';
import { cardFiles } from '../train/model-card.ts';
import { judge, train } from '../train/train.ts';
import { printLine } from './print.ts';
import { CommandFailed } from './session.ts';

/** What the command line says; paths are as the caller's shell sees them. */
export interface TrainOptions {
  readonly data?: string;
  readonly out?: string;
  readonly card?: string;
  readonly check?: boolean;
}

/**
 * Trains, judges, and writes or compares the files; the exit code is 1 if one differs.
 *
 * @throws CommandFailed if a data set is not there.
 */
export async function trainCommand(options: TrainOptions): Promise<void> {
  const root = projectRoot();
  const {
    data = join(root, '..', 'shared', 'data'),
    out = join(root, 'actors', 'model', 'released-model.json'),
    card = join(root, 'docs', 'model-card.md'),
    check = false,
  } = options;
  const finish = check ? isSame : written;
  const startedMs = performance.now();
  const onStage = (title: string): void => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    process.stderr.write(`${seconds.padStart(5)} s  ${title}\n`);
  };
  if (!existsSync(data)) {
    throw new CommandFailed(
      `expected the public data sets in ${data}, found no such folder; ` +
        'name the folder that holds them with --data',
    );
  }
  try {
    const trained = train(data, onStage);
    let isAsBefore = finish(out, trained.text);
    for (const [name, text] of cardFiles(judge(data, trained, onStage))) {
      isAsBefore = finish(name === '' ? card : join(dirname(card), name), text) && isAsBefore;
    }
    if (!isAsBefore) process.exitCode = 1;
  } catch (error) {
    if (error instanceof FileProblem) throw new CommandFailed(error.message, { cause: error });
    throw error;
  }
}

function written(file: string, text: string): true {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  printLine(`wrote ${shown(file)}`);
  return true;
}

function isSame(file: string, text: string): boolean {
  const isEqual = existsSync(file) && readFileSync(file, 'utf8') === text;
  printLine(`${isEqual ? 'as trained' : 'DIFFERS  '}  ${shown(file)}`);
  return isEqual;
}

function shown(file: string): string {
  return relative(process.cwd(), file);
}
