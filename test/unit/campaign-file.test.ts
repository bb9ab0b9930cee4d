/** Files with campaigns: what they may look like, and how their mistakes are told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { mistakeIn } from '../../actors/campaign/rules.ts';
import { type Campaign, campaignSchema, SIGNALS } from '../../protocols/campaign.ts';
import { MAX_AMOUNT_UNITS, MICROS_PER_UNIT } from '../../protocols/money.ts';
import { LEGAL_WORDS, RULE_WORDS } from '../../protocols/rule-facts.ts';
import { addCampaignCommands } from '../../runtime/cli/campaign-commands.ts';
import { parseCampaigns } from '../../runtime/cli/campaign-file.ts';
import { CAMPAIGN_TEMPLATE } from '../../runtime/cli/campaign-template.ts';
import { amountInMicros, capInMicros } from '../../runtime/cli/campaigns.ts';
import { CommandFailed } from '../../runtime/cli/session.ts';
import { fieldsAt } from '../../runtime/schema-mistakes.ts';
import { projectRoot } from '../../runtime/setup/project-root.ts';

const REQUIRED = `id: sale
name: Sale
trigger_type: modal
bid_micros: 900000
budget_micros: 5000000
`;
const SALE = {
  ...{ id: 'sale', name: 'Sale', trigger_type: 'modal' },
  ...{ bid_micros: 900_000, budget_micros: 5_000_000 },
};

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');
const item = (text: string): string => `- ${indented(text).slice(2)}`;

/** The lines that a file is refused with, without the count at the end. */
function mistakesOf(text: string): string[] {
  try {
    parseCampaigns(text, 'f.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(CommandFailed);
    const lines = (error as Error).message.split('\n');
    expect(lines.pop()).toMatch(/^\d+ mistakes?: nothing was applied$/);
    return lines;
  }
  return [];
}

describe('what a file may look like', () => {
  const sale = campaignSchema.parse(SALE);
  test.each([
    ['one campaign', REQUIRED],
    ['a list', item(REQUIRED)],
    ['campaigns: with a list', `campaigns:\n${indented(item(REQUIRED))}`],
    ['JSON', JSON.stringify(SALE)],
    ['a list in JSON', JSON.stringify([SALE], null, 2)],
    ['campaigns: in JSON', JSON.stringify({ campaigns: [SALE] })],
  ])('%s says the same', (_what, text) => {
    expect(parseCampaigns(text, 'f')).toEqual({ campaigns: [sale], revisions: {} });
  });

  test('a revision is what the campaign is based on, and no part of it', () => {
    const file = parseCampaigns(`${item(`${REQUIRED}revision: 7`)}\n`, 'f');
    expect(file).toEqual({ campaigns: [sale], revisions: { sale: 7 } });
  });

  test('parts that campaigns share can be written once', () => {
    const other = REQUIRED.replace('id: sale', 'id: other');
    const text =
      `${item(`${REQUIRED}frequency: &often\n  max_per_day: 9\n`)}\n` +
      item(`${other}frequency: *often\n`);
    const { campaigns } = parseCampaigns(text, 'f');
    expect(campaigns.map(({ frequency }) => frequency.max_per_day)).toEqual([9, 9]);
  });
});

describe('mistakes', () => {
  test('name file, line, column, field, what was expected and what was found', () => {
    expect(mistakesOf(REQUIRED.replace('900000', 'much'))).toEqual([
      'f.yaml:4:13  campaign sale, bid_micros: expected a number; found "much"',
    ]);
  });

  test('are all told at once, in the order of the file, and nothing is taken', () => {
    const text = [
      item(REQUIRED.replace('5000000', '-1')),
      item(`${REQUIRED.replace('id: sale', 'id: other')}priorty: 3\nholdout_ppm: 900000`),
      item('id: third\nname: Third\nbid_micros: 1\nbudget_micros: 1\nrevision: 0'),
    ].join('\n');
    expect(mistakesOf(text)).toEqual([
      'f.yaml:5:18  campaign sale, budget_micros: expected at least 0; found -1',
      'f.yaml:12:3  campaign other, priorty: expected a known field, such as priority; ' +
        'found "priorty"',
      'f.yaml:13:16  campaign other, holdout_ppm: expected at most 500000; found 900000',
      'f.yaml:14:3  campaign third, trigger_type: expected a text; found nothing',
      'f.yaml:18:13  campaign third, revision: expected at least 1; found 0',
    ]);
  });

  test('of JSON have lines and columns too', () => {
    const text = JSON.stringify([{ ...SALE, pay_per: 'view' }], null, 2);
    expect(mistakesOf(text)).toEqual([
      'f.yaml:8:16  campaign sale, pay_per: expected one of win, impression, click, action; ' +
        'found "view"',
    ]);
  });

  test('deep inside are named by their path', () => {
    const text = `${REQUIRED}quality:\n  base: 0.5\n  weights: { urgensy: 0.2, loyalty: 2 }\n`;
    expect(mistakesOf(text)).toEqual([
      'f.yaml:8:14  campaign sale, quality.weights.urgensy: expected a known field, such as ' +
        'urgency; found "urgensy"',
      'f.yaml:8:37  campaign sale, quality.weights.loyalty: expected at most 1; found 2',
    ]);
  });

  test('of the form are told before those of the content', () => {
    expect(mistakesOf(`${REQUIRED}id: again\n`)).toEqual([
      expect.stringMatching(/^f\.yaml:6:1 {2}.*unique/),
    ]);
    expect(mistakesOf('{"id": "a",\n "name": "b"')[0]).toMatch(/^f\.yaml:2:\d+ {2}/);
  });

  test.each([
    ['nothing', '', 'nothing'],
    ['a text', 'hello', '"hello"'],
    ['a list of none', '[]', '0'],
    ['campaigns: of none', 'campaigns: []', '0'],
    ['campaigns: with one', `campaigns:\n${indented(REQUIRED)}`, /^fields \(id, name/],
    ['a list of numbers', '[1]', '1'],
    ['257 campaigns', JSON.stringify(Array.from({ length: 257 }, () => SALE)), '257'],
  ])('%s is no campaign', (_what, text, found) => {
    const [line = ''] = mistakesOf(text);
    const after = line.slice(line.indexOf('; found ') + '; found '.length);
    expect(after).toEqual(typeof found === 'string' ? found : expect.stringMatching(found));
  });

  test('of a campaign that comes twice', () => {
    expect(mistakesOf(`${item(REQUIRED)}\n${item(REQUIRED)}`)).toEqual([
      'f.yaml:7:7  campaign sale, id: expected each campaign once; found sale again',
    ]);
  });

  test('of aliases that unfold without end are told, not carried out', () => {
    const levels = Array.from({ length: 9 }, (_, i) => {
      const inner =
        i === 0
          ? '"x"'
          : Array(9)
              .fill(`*a${i - 1}`)
              .join(', ');
      return `a${i}: &a${i} [${inner}]`;
    });
    expect(mistakesOf(levels.join('\n'))[0]).toMatch(/alias/i);
  });

  test('a file too large for a request is refused unread', () => {
    expect(() => parseCampaigns('#'.repeat(900_001), 'f')).toThrow(/at most 900000/);
  });
});

describe('mistakes in rules', () => {
  // "=" instead of "==" at the same place, however the rule is written.
  test.each([
    ['plain', 'rule: risk = "atRisk"', '6:12'],
    ['in quotes', `rule: 'risk = "atRisk"'`, '6:13'],
    ['in a block', 'rule: |\n  urgency > 0.5 &&\n  risk = "atRisk"', '8:8'],
    ['in JSON', undefined, '1:108'],
  ])('%s are shown where they are in the file', (_how, rule, place) => {
    const json = JSON.stringify({ ...SALE, rule: `risk = 'atRisk'` });
    const [first, ...more] = mistakesOf(rule === undefined ? json : `${REQUIRED}${rule}\n`);
    expect(first).toMatch(/campaign sale, rule: expected "=="; found "?="?/);
    expect(first?.split(' ')[0]).toBe(`f.yaml:${place}`);
    expect(more.at(-1)).toMatch(/^ +\^$/);
  });

  test('written with escapes are shown where the rule begins, with their own place', () => {
    const [first] = mistakesOf(`${REQUIRED}rule: "risk = \\"atRisk\\""\n`);
    expect(first).toMatch(/^f\.yaml:6:7 {2}campaign sale, rule: line 1, column 6: expected "=="/);
  });

  test('of multipliers are named by their index', () => {
    const rules = ['urgency > 0.5', 'nope'].map((rule) => `  - { when: ${rule}, factor: 2 }`);
    const text = `${REQUIRED}multipliers:\n${rules.join('\n')}`;
    const [first] = mistakesOf(text);
    expect(first).toMatch(/^f\.yaml:8:13 {2}campaign sale, multipliers\.1\.when: expected /);
  });
});

describe('the template', () => {
  /** With every optional field: prose has one blank behind its #, they have none or several. */
  const all = CAMPAIGN_TEMPLATE.replaceAll(/^( *)#(?=[a-z]| {2})/gm, '$1');

  test('is a campaign as it stands, with every default that there is', () => {
    const [campaign] = parseCampaigns(CAMPAIGN_TEMPLATE, 'f').campaigns as [Campaign];
    const { id, name, trigger_type, bid_micros, budget_micros } = campaign;
    const required = { id, name, trigger_type, bid_micros, budget_micros };
    expect(campaign).toEqual(campaignSchema.parse(required));
    // Every default is written down, so that who reads it sees what holds.
    for (const [key, value] of Object.entries(campaign)) {
      const isWritten = new RegExp(`^${key}:`, 'm').test(CAMPAIGN_TEMPLATE);
      expect(isWritten, `${key}: ${JSON.stringify(value)}`).toBe(true);
    }
  });

  test('holds every field of the schema, and its examples are right', () => {
    // `{}` and `[]` make room for the example that follows them.
    const text = all.replaceAll(/^(targeting|multipliers): [[{][\]}]\n/gm, '');
    const [campaign] = parseCampaigns(text, 'f').campaigns as [Campaign];
    expect(Object.keys(campaign).sort()).toEqual(Object.keys(campaignSchema.shape).sort());
    for (const key of Object.keys(campaign) as (keyof Campaign)[]) {
      const known = fieldsAt(campaignSchema, [key]);
      // Signals are names of the user's, of which one or none will do for an example.
      if (known.length === 0 || key === 'targeting') continue;
      expect(Object.keys(campaign[key] as object).sort(), key).toEqual([...known].sort());
    }
  });

  test('names every signal', () => {
    for (const signal of fieldsAt(campaignSchema, ['targeting'])) {
      expect(CAMPAIGN_TEMPLATE).toContain(signal);
    }
    expect(fieldsAt(campaignSchema, ['targeting'])).toContain('loyalty');
  });
});

describe('docs/campaigns.md', () => {
  const text = readFileSync(join(projectRoot(), 'docs', 'campaigns.md'), 'utf8');
  const blocks = (kind: string): string[] =>
    [...text.matchAll(new RegExp(`\`\`\`${kind}\n(.*?)\`\`\``, 'gs'))].map(
      ([, block = '']) => block,
    );

  test('shows campaigns that can be applied', () => {
    const shown = blocks('yaml').map((block) => parseCampaigns(block, 'docs/campaigns.md'));
    expect(shown.flatMap(({ campaigns }) => campaigns).length).toBeGreaterThan(0);
  });

  test('shows mistakes as they are told', () => {
    const [example = ''] = blocks('yaml');
    const wrong = example
      .replace('bid_micros: 900000 ', 'bid_micros: much ')
      .replace('"considering", "buying"', '"thinking", "buying"');
    const [shown = ''] = blocks('text');
    const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
    const told = mistakesOf(wrong).join('\n').replaceAll('f.yaml', 'campaign.yaml');
    expect(oneLine(shown)).toBe(oneLine(`${told}\n2 mistakes: nothing was applied`));
  });

  test('shows rules that compile', () => {
    const rules = blocks('cel').flatMap((block) => block.trim().split('\n'));
    expect(rules.length).toBeGreaterThan(2);
    for (const rule of rules) expect(mistakeIn(rule)?.message, rule).toBeUndefined();
  });

  test('names every field and every fact, and what statecharts can be in', () => {
    const { funnel = [], risk = [] } = LEGAL_WORDS;
    const facts = [...SIGNALS, ...RULE_WORDS, ...funnel, ...risk];
    for (const name of [...Object.keys(campaignSchema.shape), ...facts]) {
      expect(text, name).toContain(`\`${name}\``);
    }
  });
});

describe('amounts on the command line', () => {
  test('become micros exactly, whatever the decimals', () => {
    const micros = fc.integer({ min: 0, max: MAX_AMOUNT_UNITS * MICROS_PER_UNIT });
    fc.assert(
      fc.property(micros, (amount) => {
        const units = Math.floor(amount / MICROS_PER_UNIT);
        const places = String(amount % MICROS_PER_UNIT).padStart(6, '0');
        expect(amountInMicros(`${units}.${places}`)).toBe(amount);
      }),
    );
    expect(['0', '1250', '0.75', '0.1'].map(amountInMicros)).toEqual([
      ...[0, 1_250_000_000, 750_000, 100_000],
    ]);
  });

  test.each([
    '',
    '-1',
    '1,50',
    '1.2345678',
    '1e3',
    '.5',
    '1.',
    '0x10',
    '1000000000.000001',
    'none',
  ])('%j is refused', (text) => {
    expect(() => amountInMicros(text)).toThrow(InvalidArgumentError);
  });

  test.each([
    ['--total', '1,5', 'units of the currency'],
    ['--daily', 'some', 'units of the currency'],
    ['--if-revision', '0', 'a whole number from 1 on'],
  ])('%s %s is wrong usage, before any engine is asked', async (option, value, expected) => {
    const program = new Command().exitOverride().configureOutput({ writeErr() {} });
    addCampaignCommands(program);
    const line = ['campaigns', 'budget', 'sale', option, value];
    const error = await program.parseAsync(line, { from: 'user' }).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'commander.invalidArgument' });
    expect(error.message).toContain(expected);
  });

  test('only a cap can be taken away', () => {
    expect(capInMicros('none')).toBeNull();
    expect(capInMicros('2.5')).toBe(2_500_000);
  });
});

test('what fields a schema knows is found through defaults, lists and records', () => {
  const schema = z.object({ a: z.array(z.record(z.enum(['x', 'y']), z.object({ b: z.int() }))) });
  expect(fieldsAt(schema, ['a', 3])).toEqual(['x', 'y']);
  expect(fieldsAt(schema, ['a', 3, 'x'])).toEqual(['b']);
  expect(fieldsAt(schema, ['nope', 'deeper'])).toEqual([]);
});
