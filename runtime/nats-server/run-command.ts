/**
 * Runs a system command to its end, quietly and within a time.
 *
 * Owns the child process while it runs.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Resolves when the command ends with code 0. Throws with its first error line when it is missing,
 * fails, or takes longer than `timeoutMs`.
 */
export async function runCommand(
  command: string,
  arguments_: readonly string[],
  options: { readonly timeoutMs: number; readonly cwd?: string },
): Promise<void> {
  try {
    await promisify(execFile)(command, [...arguments_], {
      timeout: options.timeoutMs,
      maxBuffer: OUTPUT_BYTES_MAX,
      env: { ...process.env, LC_ALL: 'C' },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  } catch (error) {
    throw new Error(`${command} ${reasonOf(error, options.timeoutMs)}`, { cause: error });
  }
}

function reasonOf(error: unknown, timeoutMs: number): string {
  const { code, killed, stderr, message } = error as {
    readonly code?: number | string;
    readonly killed?: boolean;
    readonly stderr?: string;
    readonly message: string;
  };
  if (code === 'ENOENT') return 'is not installed';
  if (killed === true) return `took longer than ${timeoutMs} ms`;
  const lines = (stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  const telling = lines.find((line) => line.startsWith('E:')) ?? lines[0] ?? message;
  return `failed: ${telling.trim()}`;
}
