/**
 * Runs `microtarget attribute <file>` in this process, with what it prints and its exit code.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileReportJson } from '../runtime/attribution-file/file-report.ts';
import { attributeFileCommand } from '../runtime/cli/attribute-file.ts';
import type { AttributeFileOptions } from '../runtime/cli/attribute-file-options.ts';

/** What a run came to. */
export interface AttributeRun {
  readonly printed: string;
  readonly exitCode: number;
}

/** Runs the real command; what it throws is thrown. */
export async function runAttribute(
  file: string,
  options: AttributeFileOptions = {},
): Promise<AttributeRun> {
  const parts: string[] = [];
  const write = process.stdout.write;
  const exitCode = process.exitCode;
  process.exitCode = 0;
  process.stdout.write = (text: string | Uint8Array): boolean => {
    parts.push(String(text));
    return true;
  };
  try {
    await attributeFileCommand(file, options);
    return { printed: parts.join(''), exitCode: Number(process.exitCode) };
  } finally {
    process.stdout.write = write;
    process.exitCode = exitCode;
  }
}

/** The JSON document of a file. */
export async function attributeJson(
  file: string,
  options: AttributeFileOptions = {},
): Promise<FileReportJson> {
  const { printed } = await runAttribute(file, { ...options, json: true });
  return JSON.parse(printed);
}

/** A folder for files of one test, gone at its end. */
export class TestFiles implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'microtarget-attribute-'));
  #count = 0;

  write(content: string | Uint8Array): string {
    const file = join(this.#folder, `${this.#count++}.csv`);
    writeFileSync(file, content);
    return file;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
