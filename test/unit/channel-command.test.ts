/** `microtarget channel`: landing pages read as the engine would, rule files refused in words. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DEFAULT_CHANNEL_RULES } from '../../actors/channel/default-channel-rules.ts';
import { type ChannelOptions, channelCommand } from '../../runtime/cli/channel.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'channel-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

async function printed(options: ChannelOptions): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await channelCommand(options);
  return write.mock.calls.map(([text]) => String(text)).join('');
}

function fileWith(text: string): string {
  const file = join(folder, 'rules.json');
  writeFileSync(file, text);
  return file;
}

const SHOP = 'https://shop.example/sale';

test.each([
  [{ url: `${SHOP}?utm_source=Google&utm_medium=CPC` }, 'Paid Search'],
  [{ url: `${SHOP}?utm_source=news%20letter&UTM_MEDIUM=e-mail#x` }, 'Email'],
  [{ url: `${SHOP}?fbclid=a&GCLID=b` }, 'Paid Search'],
  [{ url: `${SHOP}?gclid=&fbclid=a` }, 'Organic Social'],
  [{ url: `${SHOP}?utm_source=google`, medium: 'email' }, 'Organic Search'],
  [{ url: SHOP, referrer: 'https://www.youtube.com/watch?v=1' }, 'Organic Video'],
  [{ url: SHOP }, 'Direct'],
  [{ clickId: 'msclkid=1=2' }, 'Paid Search'],
  [{ source: 'partner', medium: 'affiliate' }, 'Affiliates'],
] as const)('%j is %s', async (options, channel) => {
  expect(await printed(options)).toBe(`${channel}\n`);
});

test('the rule set that is printed can be edited and used', async () => {
  const json = await printed({ printRules: true });
  expect(JSON.parse(json)).toEqual(DEFAULT_CHANNEL_RULES);
  const rules = fileWith(json.replace('"Paid Search"', '"Google & Co"'));
  expect(await printed({ rules, clickId: 'gclid', json: true })).toContain('"Google & Co"');
});

test('the explanation ends with the rule that holds', async () => {
  const text = await printed({ clickId: 'gclid', explain: true });
  expect(text).toContain('Paid Search (rule 4 of ');
  expect(text).toContain('source and medium from the click id');
  expect(text).toMatch(/✓ rule 4, Paid Search\n {4}holds: .*\n {4}holds: medium matches .*\n$/);
});

test.each([
  ['{"version": }', 'rules.json: Unexpected token'],
  [
    '{"version": "v", "rules": [{"channel": "A", "when": [{"field": "x"}]}]}',
    'rule 1, condition 1',
  ],
])('a file with %s fails with the place of the mistake', async (text, told) => {
  const rules = fileWith(text);
  await expect(channelCommand({ rules })).rejects.toMatchObject({
    name: 'CommandFailed',
    exitCode: 1,
    message: expect.stringContaining(told),
  });
});

test.each([
  [{ url: 'shop.example' }, '--url: expected a whole address'],
  [{ source: 'x'.repeat(65) }, 'the engine would refuse such a touch: utm.source'],
])('%j is refused', async (options, told) => {
  await expect(channelCommand(options)).rejects.toThrow(told);
});
