/**
 * The golden files of this folder: messages as a released version wrote them. They never change;
 * a new version adds its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = import.meta.dirname;

/** The text of a golden file. */
export function goldenText(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8');
}

/** A golden file's JSON. */
export function golden(file: string): unknown {
  return JSON.parse(goldenText(file));
}

/** All golden files. */
export function goldenFiles(): readonly string[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
}
