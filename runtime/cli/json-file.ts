/**
 * JSON files that a person names on the command line.
 */
import { readFileSync } from 'node:fs';
import { CommandFailed } from './session.ts';

/**
 * Reads a file's JSON.
 *
 * @throws CommandFailed with the file's name if it cannot be read or is no JSON.
 */
export function readJsonFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(`${file}: ${why}`, { cause: error });
  }
}
