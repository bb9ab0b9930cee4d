/** Channel rules: the published groups, the first match, the reason why, and refused rule sets. */
import { expect, test } from 'vitest';
import { DEFAULT_CHANNEL_RULES } from '../../actors/channel/default-channel-rules.ts';
import {
  channelOf,
  compileChannelRules,
  deriveChannel,
  explainChannel,
} from '../../actors/channel/derive-channel.ts';
import { compilePattern } from '../../actors/channel/match-pattern.ts';
import { MAX_PATTERN_CHARS, parsePattern } from '../../protocols/channel-pattern.ts';
import {
  type ChannelRules,
  MAX_CONDITIONS,
  MAX_RULES,
  parseChannelRules,
} from '../../protocols/channel-rules.ts';
import type { TouchEvent } from '../../protocols/event.ts';
import { BASE_MS, common } from '../generators.ts';

function click(fields: Partial<TouchEvent>): TouchEvent {
  return { ...common(1, BASE_MS), type: 'click', ...fields } as TouchEvent;
}

/** A click on a link with `source / medium / campaign`; "-" where it names none. */
function tagged(text: string): TouchEvent {
  const [source, medium, campaign] = text.split(' / ').map((part) => (part === '-' ? '' : part));
  return click({
    utm: { ...(source && { source }), ...(medium && { medium }), ...(campaign && { campaign }) },
  });
}

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Direct: ['(direct) / (none)', '(direct) / (not set)', '(direct) / -'],
  'Cross-network': ['google / cpc / spring-cross-network', 'x / email / Cross-Network'],
  'Paid Shopping': [
    ...['amazon / cpc', 'amazon.de / paid', 'x / ppc / shop', 'x / cpc / summer shopping'],
    ...['x / cpc / eshop', 'x / retargeting / my-shop-2'],
  ],
  'Paid Search': [
    ...['google / cpc', 'bing / ppc', 'yahoo / paid-search', 'GOOGLE / CPC', 'google.com / cpc'],
    // The published pattern takes any medium with "cp" in it, cpm too, if the source is known.
    ...['google / retargeting', 'google / cpm', 'google / cpc / bishop'],
  ],
  'Paid Social': ['facebook / cpc', 'fb / paid_social', 'm.facebook.com / paid', 'ig / cpv'],
  'Paid Video': ['youtube / cpc', 'vimeo.com / paid', 'twitch / cpm'],
  Display: [
    'partner / display',
    'google / banner',
    'x / interstitial',
    'x / cpm',
    'x / Expandable',
  ],
  'Paid Other': ['partner / cpc', 'x / cpa', 'x / ppc', 'x / paid', '- / cpc'],
  'AI Assistant': ['chatgpt.com / ai-assistant', 'chatgpt.com / -', 'claude.ai / ai-assistant'],
  'Organic Shopping': ['ebay / referral', 'etsy.com / x', 'x / email / shop', 'google / x / shop'],
  'Organic Social': ['facebook / -', 'x / social', 'x / SM', 'x / social media', 'reddit / email'],
  'Organic Video': ['youtube / referral', 'x / video', 'x / my-video-ad'],
  'Organic Search': ['google / organic', 'google / -', 'x / organic', 'kagi / email'],
  Referral: ['partner / referral', 'x / app', 'x / link'],
  Email: ['newsletter / email', 'e-mail / x', 'x / e_mail', 'x / e mail', 'email / -'],
  Affiliates: ['partner / affiliate'],
  Audio: ['podcast / audio'],
  SMS: ['x / sms', 'sms / x'],
  'Mobile Push Notifications': [
    ...['x / push', 'x / web-push', 'x / mobile', 'x / in-app notification', 'firebase / x'],
  ],
  Unassigned: ['partner / -', 'partner / affiliates', 'x / pushed', 'x / emails', 'x / (not set)'],
};

test.each(
  Object.entries(GROUPS).flatMap(([group, links]) => links.map((link) => [group, link] as const)),
)('the published groups put into %s: %s', (group, link) => {
  expect(channelOf(tagged(link))).toBe(group);
});

test('the default rules are a valid rule set, in the published order', () => {
  const parsed = parseChannelRules(JSON.parse(JSON.stringify(DEFAULT_CHANNEL_RULES)));
  expect(parsed).toEqual({ ok: true, rules: DEFAULT_CHANNEL_RULES });
  const order = DEFAULT_CHANNEL_RULES.rules.map(({ channel }) => channel);
  expect([...order, 'Unassigned'].sort()).toEqual(Object.keys(GROUPS).sort());
  expect(order).toEqual(Object.keys(GROUPS).slice(0, -1));
});

const RULES: ChannelRules = {
  version: 'mine-1',
  fallback: 'Rest',
  rules: [
    { channel: 'Brand', when: [{ field: 'campaign', starts_with: 'Brand_' }] },
    {
      channel: 'Partners',
      when: [
        {
          any: [
            { field: 'referrer_host', ends_with: '.partner.example' },
            { field: 'source', one_of: ['ACME', 'Globex'] },
          ],
        },
        { field: 'medium', matches: '^(referral|link-\\d+)$' },
      ],
    },
    { channel: 'Any Google', when: [{ field: 'source', contains: 'google' }] },
    { channel: 'Kiosk', when: [{ field: 'click_id', equals: 'kiosk_id' }] },
    { channel: 'Search', when: [{ field: 'source_category', equals: 'search' }] },
  ],
  sources: { search: ['finder.*', 'Scout'] },
};

test.each([
  [tagged('google / cpc / brand_shoes'), 'Brand', 1],
  [tagged('acme / Link-12'), 'Partners', 2],
  [tagged('acme / link-'), 'Rest', null],
  [click({ referrer: 'https://a.partner.example/x' }), 'Partners', 2],
  [tagged('mygoogle / x'), 'Any Google', 3],
  [click({ click_id: { name: 'Kiosk_Id', value: '1' } }), 'Kiosk', 4],
  [tagged('bing / x'), 'Search', 5],
  [tagged('scout / x'), 'Search', 5],
  [click({ referrer: 'https://www.finder.co.uk/?q=x' }), 'Search', 5],
  [click({ referrer: 'https://finder.com.evil.example/' }), 'Rest', null],
  [click({ channel: 'Podcast', utm: { source: 'google' } }), 'Podcast', null],
] as const)('the first rule of one’s own that holds wins: %#', (touch, channel, rule) => {
  const rules = compileChannelRules(RULES);
  expect(deriveChannel(touch, rules)).toEqual({ channel, rule });
  // Again, from memory.
  expect(deriveChannel(touch, rules)).toEqual({ channel, rule });
  expect(explainChannel(touch, rules)).toMatchObject({ channel, rule });
});

test('touches that only look alike when written together keep their own channels', () => {
  const rules = compileChannelRules(DEFAULT_CHANNEL_RULES);
  const touches = [
    'google / cpc',
    'googlecp / c',
    'goog / lecpc',
    '- / googlecpc',
    'googlecpc / -',
  ];
  expect(touches.map((each) => channelOf(tagged(each), rules))).toEqual([
    ...['Paid Search', 'Unassigned', 'Paid Other', 'Paid Other', 'Unassigned'],
  ]);
});

test('an order turned round gives another channel', () => {
  const reversed = compileChannelRules({ ...RULES, rules: [...RULES.rules].reverse() });
  expect(channelOf(tagged('google / cpc / brand_shoes'), reversed)).toBe('Search');
});

test('the explanation shows each rule that was tried, up to the first that holds', () => {
  const touch = tagged('acme / referral / summer');
  const explanation = explainChannel(touch, compileChannelRules(RULES));
  expect(explanation).toEqual({
    channel: 'Partners',
    rule: 2,
    version: 'mine-1',
    by: 'rule',
    origin: {
      source: 'acme',
      medium: 'referral',
      campaign: 'summer',
      click_id: '(not set)',
      referrer_host: '(not set)',
      source_category: '(not set)',
      from: 'utm',
    },
    tried: [
      {
        rule: 1,
        channel: 'Brand',
        held: false,
        terms: [{ condition: 'campaign starts with "Brand_"', found: 'campaign "summer"' }],
      },
      {
        rule: 2,
        channel: 'Partners',
        held: true,
        terms: [
          { condition: 'source is one of "ACME", "Globex"', found: 'source "acme"' },
          {
            condition: 'medium matches "^(referral|link-\\d+)$"',
            found: 'medium "referral"',
          },
        ],
      },
    ],
  });
});

test('the explanation of a fallback shows every rule; that of a named channel none', () => {
  const rules = compileChannelRules(RULES);
  const rest = explainChannel(tagged('x / y'), rules);
  expect(rest).toMatchObject({ channel: 'Rest', by: 'fallback', rule: null });
  expect(rest.tried.map(({ rule, held }) => [rule, held])).toEqual(
    [1, 2, 3, 4, 5].map((rule) => [rule, false]),
  );
  const named = explainChannel(click({ channel: 'Podcast' }), rules);
  expect(named).toMatchObject({ channel: 'Podcast', by: 'event', rule: null, tried: [] });
});

const valid = { field: 'medium', equals: 'x' };
const withRule = (rule: object) => ({
  version: 'v',
  rules: [{ channel: 'A', when: [valid] }, rule],
});
const withCondition = (condition: object) => withRule({ channel: 'B', when: [valid, condition] });

test.each([
  ['nothing', null, 'the rule set: ', 'expected object'],
  ['no rules', { version: 'v', rules: [] }, 'rules: ', '>=1'],
  ['no version', { rules: [{ channel: 'A', when: [valid] }] }, 'version: ', 'found nothing'],
  ['a bad version', { version: 'a b', rules: [] }, 'version: ', 'found "a b"'],
  ['a reserved name', withRule({ channel: 'a>b', when: [valid] }), 'rule 2, channel: ', '">"'],
  ['no condition', withRule({ channel: 'B', when: [] }), 'rule 2, when: ', '>=1'],
  ['a key too many', withRule({ channel: 'B', when: [valid], wen: 1 }), 'rule 2: ', '"wen"'],
  [
    'an unknown field',
    withCondition({ field: 'x', equals: 'y' }),
    'rule 2, condition 2, field: ',
    'x',
  ],
  ['no operator', withCondition({ field: 'source' }), 'rule 2, condition 2: ', 'one operator'],
  [
    'two operators',
    withCondition({ field: 'source', equals: 'a', contains: 'b' }),
    'rule 2, condition 2: ',
    'one operator of equals',
  ],
  [
    'a value of another kind',
    withCondition({ field: 'source', equals: 5 }),
    'rule 2, condition 2, equals: ',
    'expected string',
  ],
  [
    'a mistake among alternatives',
    withCondition({ any: [valid, { field: 'medium', one_of: ['a', ''] }] }),
    'rule 2, condition 2.2, one_of.1: ',
    'found ""',
  ],
  [
    'an unknown category',
    withCondition({ field: 'source_category', one_of: ['search', 'serach'] }),
    'rule 2, condition 2, one_of: ',
    'search, social, shopping, video',
  ],
  [
    'a category as a pattern',
    withCondition({ field: 'source_category', matches: 's.*' }),
    'rule 2, condition 2, matches: ',
    'equals or one_of',
  ],
  [
    'a broken pattern',
    withCondition({ field: 'medium', matches: '^(cp' }),
    'rule 2, condition 2, matches: ',
    'expected a ")" that closes the group, at character 5; found "^(cp"',
  ],
  [
    'a pattern that is too long',
    withCondition({ field: 'medium', matches: 'x'.repeat(MAX_PATTERN_CHARS + 1) }),
    'rule 2, condition 2, matches: ',
    `<=${MAX_PATTERN_CHARS}`,
  ],
  [
    'too many conditions',
    withRule({ channel: 'B', when: [valid, { any: Array(MAX_CONDITIONS).fill(valid) }] }),
    'rule 2, when: ',
    `at most ${MAX_CONDITIONS}`,
  ],
  [
    'too many rules',
    { version: 'v', rules: Array(MAX_RULES + 1).fill({ channel: 'A', when: [valid] }) },
    'rules: ',
    `<=${MAX_RULES}`,
  ],
])('a rule set with %s is refused, with the place', (_, json, place, expected) => {
  const parsed = parseChannelRules(json);
  const problems = parsed.ok ? [] : parsed.problems;
  const told = problems.find((problem) => problem.startsWith(place));
  expect(told, problems.join('\n')).toContain(expected);
});

test('a rule set may leave the fallback out', () => {
  const parsed = parseChannelRules({ version: 'v', rules: [{ channel: 'A', when: [valid] }] });
  expect(parsed.ok && parsed.rules.fallback).toBe('Unassigned');
});

test.each([
  [
    '^(.*cp.*|ppc|retargeting|paid.*)$',
    ['cpc', 'xCPx', 'ppc', 'paid-x'],
    ['unpaid', 'ppcs', 'c-p'],
  ],
  [
    '^(.*(([^a-df-z]|^)shop|shopping).*)$',
    ['shop', 'my shop', 'eshop', 'ESHOP', 'a1shop', 'windowshopping'],
    ['bishop', 'workshop', 'photoshop', 'sho'],
  ],
  ['mail', ['mail', 'e-mailing'], ['mial']],
  ['^$', [''], ['x']],
  ['^a?b+c*$', ['b', 'abbcc', 'ABC'], ['aab', 'ac']],
  ['^(?:a|bc)+$', ['abca', 'BC'], ['', 'ab']],
  ['^[a-c_-]+\\d\\.x$', ['a-_9.x'], ['d9.x', 'a9-x']],
  ['^[^\\s]+$', ['a-b'], ['a b']],
  ['^(a*)*$', ['', 'aaa'], ['b']],
  ['()|x', ['', 'y'], []],
  ['[\\]]', [']'], ['[']],
])('the pattern %s takes what it should', (pattern, taken, left) => {
  const matches = compilePattern(pattern);
  expect(taken.filter((text) => !matches(text))).toEqual([]);
  expect(left.filter((text) => matches(text))).toEqual([]);
});

test.each([
  ...['(', ')', '(a', 'a)', '[', '[]', '[^]', '[z-a]', '[a', '[\\d-z]', ']', '*', '+a', 'a**'],
  ...['a*?', 'a{2}', '}', '^*', '(?=a)', '(?<n>a)', '\\', '\\1', '\\b', '\\D', '\\p{L}', '|*'],
])('the pattern %s is refused', (pattern) => {
  expect(parsePattern(pattern)).toEqual({
    ok: false,
    expected: expect.stringMatching(/, at character \d+$/),
  });
});
