/** Targeting rules: what they mean, and what somebody who writes a wrong one is told. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  compileRule,
  MAX_RULE_DEPTH,
  MAX_RULE_LIST,
  MAX_RULE_NODES,
  mistakeIn,
  SharedRules,
} from '../../actors/campaign/rules.ts';
import { MAX_RULE_CHARS, SIGNALS, type Signal } from '../../protocols/campaign.ts';
import { LEGAL_WORDS, type RuleOccasion, ruleFacts } from '../../protocols/rule-facts.ts';

const HALF = Object.fromEntries(SIGNALS.map((name) => [name, 0.5])) as Record<Signal, number>;

function facts(differing: Partial<RuleOccasion> = {}) {
  return ruleFacts({
    signals: HALF,
    interests: {},
    event: 'behavior',
    user_mode: 'anonymous',
    funnel: 'exploring',
    risk: 'steady',
    ...differing,
  });
}

const shopper = facts({
  signals: { ...HALF, purchase_intent: 0.7, churn_risk: 0.2 },
  interests: { running: 0.6 },
  funnel: 'considering',
  region: 'DE',
  device: 'phone',
  placement: 'home_top',
});

test.each([
  ['purchase_intent > 0.4 && churn_risk < 0.3 && region in ["DE", "AT"]', true],
  ['purchase_intent > 0.4 && churn_risk < 0.1 && region in ["DE", "AT"]', false],
  ['funnel == "considering" || risk != "steady"', true],
  ['!(funnel == "considering")', false],
  ['interest("running") >= 0.6 && interest("cooking") == 0.0', true],
  ['interest("constructor") > 0.0', false],
  ['device == "phone" ? urgency >= 0.5 : urgency >= 0.9', true],
  ['placement.startsWith("home") && !placement.endsWith("bottom")', true],
  ['source == "" && region.size() == 2', true],
  ['purchase_intent - churn_risk > 0.4 && purchase_intent * 2.0 > 1', true],
  ['true', true],
])('%s is %s for somebody who considers buying', (rule, holds) => {
  expect(compileRule(rule).test(shopper)).toBe(holds);
});

test.each([
  ['12 / size(region) > 3', false],
  ['!(12 / size(region) > 3)', false],
  ['12 % size(region) == 0 || urgency == 0.5', true],
  ['urgency == 0.5 || 12 % size(region) == 0', true],
  ['12 / size(region) > 3 ? true : true', false],
  ['!(urgency > 0.5 && 12 / size(region) > 3)', true],
  ['!(12 / size(region) > 3 && urgency > 0.5)', true],
])('%s is %s when no region is known: an error that nothing absorbs is no', (rule, holds) => {
  expect(compileRule(rule).test(facts())).toBe(holds);
});

test('a rule says which topics it names, so that no others have to be looked up', () => {
  const rule = 'interest("running") > 0.5 || (false && interest("a b") > interest("running"))';
  expect(compileRule(rule).topics).toEqual(['a b', 'running']);
});

test('the words with so many values have just those of events and statecharts', () => {
  expect(LEGAL_WORDS.event).toContain('opportunity');
  expect(LEGAL_WORDS.user_mode).toEqual(['authenticated', 'anonymous']);
  expect(LEGAL_WORDS.risk).toEqual(['steady', 'drifting', 'atRisk', 'churned']);
});

const FUNNELS = 'one of aware, exploring, considering, buying, customer, lapsed';

describe('a mistake says where it is, what was expected and what was found:', () => {
  test.each([
    ['purchase_intnt > 0.4', 1, 'the nearest is purchase_intent', 'purchase_intnt'],
    ['true &&\n  regoin == "DE"', 3, 'the nearest is region', 'regoin'],
    ['funnel == "byuing"', 11, FUNNELS, '"byuing"'],
    ['funnel in ["buying", "byuing"]', 22, FUNNELS, '"byuing"'],
    ['"at_risk" != risk', 1, 'one of steady, drifting, atRisk, churned', '"at_risk"'],
    ['event == "opportunty"', 10, 'opportunity, outcome', '"opportunty"'],
    ['user_mode == ""', 14, 'one of authenticated, anonymous', '""'],
    ['urgency == 1', 12, 'double such as 1.0 on both sides of ==', 'int 1'],
    ['0.2 < urgency < 0.4', 1, 'a number at <', 'bool 0.2 < urgency'],
    ['urgency && true', 1, 'bool at &&', 'double urgency'],
    ['urgency', 1, 'a condition', 'double urgency'],
    ['region > "A"', 1, 'a number at >', 'string region'],
    ['region in "DE"', 11, 'a list of values after "in"', '"DE"'],
    ['urgency in [loyalty]', 13, 'a constant in this list', 'loyalty'],
    ['region == "D" + "E"', 11, 'numbers at +', 'string "D"'],
    ['region.matches("(a+)+$")', 8, 'startsWith, endsWith, contains or size', 'matches()'],
    ['["DE"].exists(x, x == region)', 8, 'startsWith, endsWith, contains or size', 'exists()'],
    ['region.contains("a", "b")', 8, 'one text: contains("text")', 'contains()'],
    ['interset("a") > 0.5', 1, 'interest("topic") or size(text)', 'interset("a")'],
    ['interest(region) > 0.5', 10, 'interest("topic")', 'region'],
    ['interest > 0.5', 1, 'interest("topic")', 'interest'],
    ['user.region == "DE"', 6, 'a name without fields', 'user.region'],
    ['region[0] == "D"', 1, 'no indexing', 'region[0]'],
    ['size(region) / 0 > 1', 16, 'a divisor that is not 0', '0'],
    ['size(region) * 9007199254740991 > 1', 1, 'never exceed 9007199254740991', '9007199254740991'],
    ['9007199254740993 > 1', 1, 'never exceed 9007199254740991', '9007199254740993'],
    ['1u < 2', 1, 'a number without "u"', '1u'],
    ['region == null', 11, 'true, false, a text or a number', 'null'],
    ['region = "DE"', 8, '"=="', '='],
    ['urgency > 0.4 and true', 15, '"&&"', 'and'],
    ['urgency > .4', 11, 'a digit before the "."', '.'],
    ['urgency > 0,4', 12, 'the end of the rule', ','],
    ['(urgency > 0.4', 15, '")"', 'the end of the rule'],
    ['urgency > 0.4)', 14, 'a "(" before', ')'],
    ['region == "DE', 11, '" to end this text', 'the end of the rule'],
    ['region ==', 10, 'a name, a value or "("', 'the end of the rule'],
    ['', 1, 'a name, a value or "("', 'the end of the rule'],
    ['region == "\u{1f6cd}" && regoin == ""', 18, 'the nearest is region', 'regoin'],
  ])('%s', (rule, column, expected, found) => {
    const mistake = mistakeIn(rule);
    expect(mistake).toMatchObject({ line: rule.split('\n').length, column });
    expect(mistake?.expected).toContain(expected);
    expect(mistake?.found).toContain(found);
    expect(() => compileRule(rule)).toThrow(mistake?.message ?? 'a mistake');
  });
});

test('a mistake shows its place', () => {
  expect(mistakeIn('true &&\nfunnel == "byuing"')?.message).toBe(
    `line 2, column 11: expected ${FUNNELS}; found "byuing"\n` +
      '  funnel == "byuing"\n' +
      '            ^',
  );
  const [, text, pointer] = mistakeIn(`${'true && '.repeat(30)}nobody`)?.message.split('\n') ?? [];
  expect(text?.slice((pointer ?? '').indexOf('^'))).toBe('nobody');
});

test('a schema tells the field and the place in it', () => {
  const schema = z.object({
    rule: z.string().superRefine((source, context) => {
      const mistake = mistakeIn(source);
      if (mistake === undefined) return;
      const { message, line, column } = mistake;
      context.addIssue({ code: 'custom', message, params: { line, column } });
    }),
  });
  expect(schema.safeParse({ rule: 'urgency > 0.5' }).success).toBe(true);
  expect(schema.safeParse({ rule: 'urgensy > 0.5' }).error?.issues).toMatchObject([
    { path: ['rule'], params: { line: 1, column: 1 }, message: expect.stringContaining('urgency') },
  ]);
});

describe('a rule has bounds:', () => {
  const texts = (count: number): string => Array.from({ length: count }, () => '""').join(',');
  const nested = (depth: number): string => `${'('.repeat(depth)}true${')'.repeat(depth)}`;
  test.each([
    ['characters', `${' '.repeat(MAX_RULE_CHARS - 4)}true`, `${' '.repeat(MAX_RULE_CHARS)}true`],
    ['operators', `${'!'.repeat(MAX_RULE_NODES - 1)}true`, `${'!'.repeat(MAX_RULE_NODES)}true`],
    ['terms', `true${'&&true'.repeat(199)}`, `true${'&&true'.repeat(200)}`],
    ['levels', nested(MAX_RULE_DEPTH - 1), nested(MAX_RULE_DEPTH)],
    [
      'listed values',
      `region in [${texts(MAX_RULE_LIST)}]`,
      `region in [${texts(MAX_RULE_LIST + 1)}]`,
    ],
  ])('%s', (_, within, beyond) => {
    expect(mistakeIn(within)).toBeUndefined();
    expect(mistakeIn(beyond)?.expected).toMatch(/^at most \d+ /);
  });

  test('no nesting takes the process down', () => {
    for (const sign of ['!', '-', '(', '[', '{', 'true?', 'a.', 'a(', '"" in ', '1+']) {
      expect(mistakeIn(sign.repeat(MAX_RULE_CHARS / sign.length))).toBeDefined();
    }
  });
});

test('equal rules share one compiled rule, and no more are kept than was said', () => {
  const shared = new SharedRules(2);
  const first = shared.compile('urgency > 0.1');
  shared.compile('urgency > 0.2');
  expect(shared.compile('urgency > 0.1')).toBe(first);
  shared.compile('urgency > 0.3');
  expect(shared.size).toBe(2);
  expect(shared.compile('urgency > 0.1')).toBe(first);
  expect(() => shared.compile('urgency')).toThrow('expected a condition');
  expect(shared.size).toBe(2);
});
