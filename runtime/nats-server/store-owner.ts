/**
 * Tells which nats-server has a store folder open, from the pid file that it wrote there.
 *
 * Owns nothing. A pid file outlives its process and ids are reused, so the process must be alive
 * and be a nats-server.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The process id of the live nats-server that wrote `pidFile`; undefined when there is none. */
export function storeOwner(pidFile: string): number | undefined {
  const pid = Number(readOrEmpty(pidFile));
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return commandLine(pid).includes(pidFile) ? pid : undefined;
}

/** The process's arguments, empty when it is gone. */
function commandLine(pid: number): string {
  if (process.platform === 'linux') return readOrEmpty(`/proc/${pid}/cmdline`);
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
