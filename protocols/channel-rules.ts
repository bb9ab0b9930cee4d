/**
 * The rules that say which channel a touch came by: a versioned list, first match wins, that
 * operators may edit. The default list is `actors/channel/default-channel-rules.ts`.
 *
 * Owns the shape and the bounds of a rule set, and what is said about a mistake in one.
 */
import { z } from 'zod';
import { MAX_PATTERN_CHARS, parsePattern } from './channel-pattern.ts';
import { channelName } from './event.ts';
import { shortened, valueAt } from './found.ts';

export const MAX_RULES = 128;
/** Conditions of one rule, those in `any` counted too. */
export const MAX_CONDITIONS = 32;
/** Alternatives of one `one_of`. */
export const MAX_VALUES = 512;
export const MAX_VALUE_CHARS = 256;
/** Sources that a rule set may add to a category. */
export const MAX_SOURCES = 1_024;

/** What a field reads when the touch does not say; rules may compare with it. */
export const NOT_SET = '(not set)';

export const SOURCE_CATEGORIES = ['search', 'social', 'shopping', 'video'] as const;
export type SourceCategory = (typeof SOURCE_CATEGORIES)[number];

/** What a rule may look at; how each is found is in `actors/channel/touch-origin.ts`. */
export const RULE_FIELDS = [
  'source',
  'medium',
  'campaign',
  'click_id',
  'referrer_host',
  'source_category',
] as const;
export type RuleField = (typeof RULE_FIELDS)[number];

export const RULE_OPERATORS = [
  'equals',
  'one_of',
  'contains',
  'starts_with',
  'ends_with',
  'matches',
] as const;
export type RuleOperator = (typeof RULE_OPERATORS)[number];

const text = z.string().min(1).max(MAX_VALUE_CHARS);
const pattern = z
  .string()
  .min(1)
  .max(MAX_PATTERN_CHARS)
  .superRefine((each, context) => {
    const parsed = parsePattern(each);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: `expected ${parsed.expected}` });
  });

/** One field and one operator; upper and lower case are the same. */
const condition = z
  .strictObject({
    field: z.enum(RULE_FIELDS),
    equals: text.optional(),
    one_of: z.array(text).min(1).max(MAX_VALUES).optional(),
    contains: text.optional(),
    starts_with: text.optional(),
    ends_with: text.optional(),
    /** A pattern of `channel-pattern.ts`; it may occur anywhere unless `^` and `$` tie it. */
    matches: pattern.optional(),
  })
  .superRefine((each, context) => {
    const operators = RULE_OPERATORS.filter((operator) => each[operator] !== undefined);
    if (operators.length !== 1) {
      const message = `expected one operator of ${RULE_OPERATORS.join(', ')}`;
      context.addIssue({ code: 'custom', message });
      return;
    }
    if (each.field !== 'source_category') return;
    const values = each.one_of ?? [each.equals ?? ''];
    const known: readonly string[] = [...SOURCE_CATEGORIES, NOT_SET];
    if (values.every((value) => known.includes(value.toLowerCase()))) return;
    const message = `expected equals or one_of ${known.join(', ')}`;
    context.addIssue({ code: 'custom', message, path: [operators[0] as string] });
  });

/** A condition, or several of which one is enough. */
const term = z.union([
  condition,
  z.strictObject({ any: z.array(condition).min(1).max(MAX_CONDITIONS) }),
]);

const rule = z.strictObject({
  channel: channelName,
  /** All of these must hold. */
  when: z
    .array(term)
    .min(1)
    .refine(
      (terms) =>
        terms.reduce((n, each) => n + ('any' in each ? each.any.length : 1), 0) <= MAX_CONDITIONS,
      `expected at most ${MAX_CONDITIONS} conditions`,
    ),
});

/** A name such as `kagi`, a site such as `kagi.com`, or one with country endings: `google.*`. */
const sources = z.array(text).max(MAX_SOURCES).optional();

export const channelRulesSchema = z.strictObject({
  version: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'expected letters, digits, "_", "." or "-"'),
  /** Tried in this order; the first whose conditions all hold names the channel. */
  rules: z.array(rule).min(1).max(MAX_RULES),
  /** The channel of a touch that no rule takes. */
  fallback: channelName.default('Unassigned'),
  /** Sources beside those that the engine knows, by category; these go first. */
  sources: z
    .strictObject({ search: sources, social: sources, shopping: sources, video: sources })
    .optional(),
});

export type RuleCondition = z.infer<typeof condition>;
export type ChannelRules = z.infer<typeof channelRulesSchema>;

export type ParsedChannelRules =
  | { readonly ok: true; readonly rules: ChannelRules }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Checks a rule set that came from outside; O(its size).
 *
 * @returns the rule set, or each mistake with its rule's number (from 1), the field, what was
 *   expected and what was found.
 */
export function parseChannelRules(json: unknown): ParsedChannelRules {
  const result = channelRulesSchema.safeParse(json);
  if (result.success) return { ok: true, rules: result.data };
  const problems = result.error.issues.flatMap((issue) => issuesOf(issue, json));
  return { ok: false, problems: problems.map(({ path, message }) => told(path, message, json)) };
}

interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A mistake in a term is one of the kind of term that was meant, not of both. */
function issuesOf(issue: z.core.$ZodIssue, json: unknown): readonly Mistake[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = valueAt(json, issue.path);
  const isGroup = typeof meant === 'object' && meant !== null && 'any' in meant;
  const inner = issue.errors[isGroup ? 1 : 0] ?? [];
  return inner.map(({ path, message }) => ({ path: [...issue.path, ...path], message }));
}

function told(path: readonly PropertyKey[], message: string, json: unknown): string {
  const value = valueAt(json, path);
  const found = value === undefined ? 'nothing' : shortened(JSON.stringify(value));
  return `${placeOf(path)}: ${message}; found ${found}`;
}

/** ['rules', 2, 'when', 0, 'any', 1, 'field'] is "rule 3, condition 1.2, field". */
function placeOf(path: readonly PropertyKey[]): string {
  const [list, index, when, term, any, nth] = path;
  if (list !== 'rules' || typeof index !== 'number') return path.join('.') || 'the rule set';
  const ruleText = `rule ${index + 1}`;
  if (when !== 'when' || typeof term !== 'number') {
    return [ruleText, ...path.slice(2).map(String)].join(', ');
  }
  const isNested = any === 'any' && typeof nth === 'number';
  const nested = isNested ? `.${nth + 1}` : '';
  const field = path.slice(isNested ? 6 : 4).join('.');
  return [ruleText, `condition ${term + 1}${nested}`, ...(field === '' ? [] : [field])].join(', ');
}
