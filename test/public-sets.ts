/**
 * The public data sets beside the project, used in place where they are there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../runtime/setup/project-root.ts';

const FOLDER = join(projectRoot(), '..', 'shared', 'data');

/** The path of a data set's file, or undefined, with a message, where the data is not there. */
export function sharedFile(name: string): string | undefined {
  const file = join(FOLDER, name);
  if (existsSync(file)) return file;
  process.stderr.write(
    `skipped what needs ${name}: the public data sets are not beside the project\n`,
  );
  return undefined;
}

/** Reads a small CSV file without quotes into records by column name. */
export function readCsv(file: string): Record<string, string>[] {
  const [heading = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const columns = heading.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']));
  });
}
