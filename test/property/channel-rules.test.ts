/** Channel rules under arbitrary input: they always answer, always alike, and in linear time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_CHANNEL_RULES } from '../../actors/channel/default-channel-rules.ts';
import {
  channelOf,
  compileChannelRules,
  deriveChannel,
  explainChannel,
} from '../../actors/channel/derive-channel.ts';
import { compilePattern } from '../../actors/channel/match-pattern.ts';
import { parsePattern } from '../../protocols/channel-pattern.ts';
import {
  type ChannelRules,
  channelRulesSchema,
  parseChannelRules,
  RULE_FIELDS,
} from '../../protocols/channel-rules.ts';
import type { TouchEvent } from '../../protocols/event.ts';
import { BASE_MS, common, holds } from '../generators.ts';

/** Words that rules know among those that nobody does. */
const word = fc.oneof(
  fc.constantFrom('google', 'facebook', 'youtube', 'amazon', 'sms', '(direct)', '(none)'),
  fc.constantFrom('cpc', 'email', 'video', 'organic', 'referral', 'web-push', 'social', 'CPM'),
  fc.constantFrom('gclid', 'fbclid', 'shop', 'cross-network', '(not set)', 'https://google.com/'),
  fc.constantFrom('google.com.evil.example', '//t.co', 'chatgpt.com', '', '://', 'a.'.repeat(99)),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.webUrl(),
);
const optional = fc.option(word, { nil: undefined });

const touches = fc
  .record({
    source: optional,
    medium: optional,
    campaign: optional,
    referrer: optional,
    id: optional,
  })
  .map(({ source, medium, campaign, referrer, id }) => {
    const click_id = id === undefined ? undefined : { name: id, value: 'x' };
    const utm = { source, medium, campaign };
    return { ...common(1, BASE_MS), type: 'click', utm, referrer, click_id } as TouchEvent;
  });

const condition = fc
  .tuple(
    fc.constantFrom(...RULE_FIELDS.filter((field) => field !== 'source_category')),
    fc.constantFrom('equals', 'contains', 'starts_with', 'ends_with', 'one_of'),
    word.filter((text) => text !== ''),
  )
  .map(([field, operator, text]) => ({ field, [operator]: operator === 'one_of' ? [text] : text }));
const term = fc.oneof(
  condition,
  fc.record({ any: fc.array(condition, { minLength: 1, maxLength: 3 }) }),
);
const ruleSets = fc
  .array(
    fc.record({
      channel: fc.constantFrom('A', 'B', 'C'),
      when: fc.array(term, { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((rules): ChannelRules => channelRulesSchema.parse({ version: 'v', rules }));

const DEFAULT_CHANNELS = [
  ...DEFAULT_CHANNEL_RULES.rules.map(({ channel }) => channel),
  DEFAULT_CHANNEL_RULES.fallback,
];

test('every touch has a channel of the default rules', () => {
  holds(
    fc.property(touches, (touch) => {
      expect(DEFAULT_CHANNELS).toContain(channelOf(touch));
    }),
    1_000,
  );
});

test('any rule set gives one of its channels, and the explanation agrees', () => {
  holds(
    fc.property(ruleSets, fc.array(touches, { maxLength: 20 }), (ruleSet, all) => {
      const warm = compileChannelRules(ruleSet);
      for (const touch of [...all, ...all]) {
        // Without a memory of other touches the answer is the same (D1).
        const fresh = deriveChannel(touch, compileChannelRules(ruleSet));
        const { channel, rule, tried } = explainChannel(touch, warm);
        expect(deriveChannel(touch, warm)).toEqual(fresh);
        expect({ channel, rule }).toEqual(fresh);
        expect(tried.filter(({ held }) => held).length).toBe(rule === null ? 0 : 1);
        expect(ruleSet.rules[(rule ?? 0) - 1]?.channel ?? ruleSet.fallback).toBe(channel);
      }
    }),
    100,
  );
});

test('upper and lower case are the same', () => {
  const ascii = fc.stringMatching(/^[ -~]{0,30}$/);
  const parts = fc.tuple(...Array.from({ length: 5 }, () => fc.oneof(word, ascii)));
  const touch = (texts: readonly string[]): TouchEvent => {
    const [source, medium, campaign, referrer, name = ''] = texts;
    const utm = { source, medium, campaign };
    const click_id = { name, value: 'x' };
    return { ...common(1, BASE_MS), type: 'click', utm, referrer, click_id } as TouchEvent;
  };
  holds(
    fc.property(parts, (texts) => {
      const plain = texts.map((text) => text.replace(/[^ -~]/g, ''));
      const upper = plain.map((text) => text.toUpperCase());
      const lower = plain.map((text) => text.toLowerCase());
      expect(channelOf(touch(upper))).toBe(channelOf(touch(lower)));
    }),
    500,
  );
});

test('whatever is sent as a rule set is taken or refused with a reason, never thrown at', () => {
  const broken = fc.tuple(ruleSets, fc.nat(), fc.anything()).map(([ruleSet, at, value]) => {
    const text = JSON.stringify(ruleSet).split(/(?<=[:[,])/);
    text[at % text.length] = `${JSON.stringify(value) ?? 'null'},`;
    try {
      return JSON.parse(text.join('')) as unknown;
    } catch {
      return value;
    }
  });
  holds(
    fc.property(
      fc.oneof(
        broken,
        fc.anything(),
        fc.json().map((each) => JSON.parse(each)),
      ),
      (json) => {
        const parsed = parseChannelRules(json);
        if (parsed.ok) compileChannelRules(parsed.rules);
        else expect(parsed.problems.length).toBeGreaterThan(0);
      },
    ),
    500,
  );
});

/** Patterns of the syntax, as text. */
const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', 'C', '.', '[ab]', '[^a-b]', '\\d', '\\w', '-', '\\.', '^', '$'),
    fc
      .tuple(fc.constantFrom('a', 'b', '.', '[^b]', '\\w'), fc.constantFrom('*', '+', '?'))
      .map((both) => both.join('')),
    fc
      .tuple(tie('pattern'), fc.constantFrom('', '*', '+', '?'))
      .map(([p, sign]) => `(${p})${sign}`),
  ),
  pattern: fc
    .array(fc.array(tie('part'), { maxLength: 3 }), { minLength: 1, maxLength: 2 })
    .map((branches) => branches.map((parts) => parts.join('')).join('|')),
}));

test('a pattern takes exactly what the regular expression takes', () => {
  const text = fc.stringMatching(/^[abcABC1.-]{0,8}$/);
  holds(
    fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 10 }), (written, texts) => {
      fc.pre(written.length <= 60);
      const ours = compilePattern(written);
      const theirs = new RegExp(written, 'i');
      expect(texts.map((each) => ours(each))).toEqual(texts.map((each) => theirs.test(each)));
    }),
    1_000,
  );
});

test('any text is a pattern or is refused, and what is one is a regular expression', () => {
  const signs = fc.string({ unit: fc.constantFrom(...'ab-^$.*+?()[]{}|\\dwsx:'), maxLength: 12 });
  holds(
    fc.property(signs, fc.string(), (written, text) => {
      if (!parsePattern(written).ok) return;
      expect(typeof compilePattern(written)(text)).toBe('boolean');
      expect(() => new RegExp(written)).not.toThrow();
    }),
    2_000,
  );
});

const HOSTILE_PATTERNS = [
  ...['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '(.*)*x$', '^(.*a)+(.*b)+$', '^(([a-z])+.)+[A-Z]$'],
  ...['.*.*.*.*.*.*.*.*.*.*x', `(${'a?'.repeat(60)})${'a'.repeat(60)}$`, '(((((a*)*)*)*)*)*b'],
  ...['^(.*(([^a-df-z]|^)shop|shopping).*)$', '^(.*cp.*|ppc|retargeting|paid.*)$'],
];

test.each(HOSTILE_PATTERNS)('the pattern %s takes time in proportion to the text', (written) => {
  const matches = compilePattern(written);
  const costMs = (length: number): number => {
    const texts = ['a', 'ab', 'shoshop', 'c'].map((unit) => unit.repeat(length).slice(0, length));
    const startMs = performance.now();
    for (const text of texts) matches(`${text}!`);
    return performance.now() - startMs;
  };
  costMs(500);
  // About 30 ms on an idle machine; backtracking would take minutes at best.
  expect(costMs(2_000)).toBeLessThan(1_000);
});

test('touches made to be slow are not', () => {
  const startMs = performance.now();
  const rules = compileChannelRules(DEFAULT_CHANNEL_RULES);
  for (const unit of ['a', 'cp', 'shop', 'video', 'google.', 'x.co', '/@', '(', 'é', '.']) {
    const text = unit.repeat(2_000).slice(0, 2_000);
    const utm = { source: text, medium: text, campaign: text };
    const click_id = { name: text, value: 'x' };
    const referrer = `https://${text}`;
    const more = [{ utm, referrer }, { referrer }, { referrer: text }, { click_id }];
    for (const fields of more) {
      const touch = { ...common(1, BASE_MS), type: 'click', ...fields } as TouchEvent;
      expect(DEFAULT_CHANNELS).toContain(channelOf(touch, rules));
    }
  }
  expect(performance.now() - startMs).toBeLessThan(2_000);
});
