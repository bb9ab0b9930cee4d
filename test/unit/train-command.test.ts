/**
 * What the training command says where it cannot train.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { trainCommand } from '../../runtime/cli/train.ts';

test('without the data sets it says which folder it looked for, and fails', async () => {
  const data = join(tmpdir(), 'no-such-folder-of-data-sets');
  await expect(trainCommand({ data })).rejects.toMatchObject({
    name: 'CommandFailed',
    exitCode: 1,
    message: expect.stringContaining(`expected the public data sets in ${data}`),
  });
});

test('with a folder that lacks a data set it says which', async () => {
  const data = mkdtempSync(join(tmpdir(), 'data-sets-'));
  try {
    await expect(trainCommand({ data })).rejects.toMatchObject({
      name: 'CommandFailed',
      exitCode: 1,
      message: expect.stringMatching(/expected the data set \S+ with the file/),
    });
  } finally {
    rmSync(data, { recursive: true });
  }
});
