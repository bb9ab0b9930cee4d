/**
 * Finds the folder that holds package.json and nats.conf, from the sources and from dist/ alike.
 *
 * Owns nothing; everything that lives beside the code (nats.conf, .microtarget/) is found from it.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The absolute path of the project's root folder, whatever the current working directory is.
 * Throws when no parent folder of this file holds a package.json beside a nats.conf.
 */
export function projectRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  let folder = start;
  while (!existsSync(join(folder, 'package.json')) || !existsSync(join(folder, 'nats.conf'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new Error(
        `Expected package.json and nats.conf in a folder above ${start}, found none. ` +
          'Run from a complete checkout.',
      );
    }
    folder = parent;
  }
  return folder;
}
