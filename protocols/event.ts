/**
 * What applications send: one JSON event per message, parsed once by a zod union on `type`.
 * A missing `type` means `behavior`. The user is named by the subject (or the HTTP request),
 * never by the body.
 */
import { z } from 'zod';
import { timeZone } from './courtesy.ts';
import { shortened, valueAt } from './found.ts';
import { MAX_AMOUNT_UNITS } from './money.ts';
import { MODALITIES, OUTCOMES } from './user-snapshot.ts';

/** How far ahead of the server's clock a timestamp may be: clocks differ, but not by a year. */
export const MAX_CLOCK_SKEW_MS = 10 * 60_000;
export const MAX_EVENT_BYTES = 64 * 1024;
export const MAX_NAME_CHARS = 64;
export const MAX_ID_CHARS = 128;
export const MAX_VECTORS = 32;
export const MAX_TOPICS = 16;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const PRINTABLE = /^(?!__proto__$)[^\u0000-\u001f\u007f-\u009f]+$/;
const printable = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    // "__proto__" would not survive as a key of a plain object.
    .regex(PRINTABLE, 'must not hold control characters or be "__proto__"')
    // Half a surrogate pair is lost in UTF-8, so two names would become one.
    .refine((name) => name.isWellFormed(), 'must be well-formed Unicode');
const name = printable(MAX_NAME_CHARS);
const id = printable(MAX_ID_CHARS);
const amount = z.number().min(0).max(MAX_AMOUNT_UNITS);

/** A channel's name: no ">" (it separates a path's touches) and no "(" first (reserved states). */
export const channelName = printable(MAX_NAME_CHARS).regex(
  /^(?!\()[^>]+$/,
  'must not hold ">" or begin with "("',
);

const common = {
  event_id: z.uuid(),
  session_index: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  timestamp: z.int().min(0),
  user_mode: z.enum(['authenticated', 'anonymous']),
  session_id: id.optional(),
  source: name.optional(),
  region: name.optional(),
  device: name.optional(),
  /** The user's clock, e.g. "Europe/Berlin"; it holds until an event names another one. */
  time_zone: timeZone.optional(),
  /** Asks for a decision, whatever the event is; the answer may be that no campaign qualified. */
  decide: z.boolean().optional(),
};

const touch = {
  ...common,
  channel: channelName.optional(),
  utm: z
    .object({ source: name.optional(), medium: name.optional(), campaign: name.optional() })
    .optional(),
  referrer: printable(2_048).optional(),
  click_id: z.object({ name, value: printable(512) }).optional(),
  campaign: name.optional(),
  creative: name.optional(),
  /** What the advertiser paid for this touch, in units of the reporting currency. */
  cost: amount.optional(),
};

const behavior = z.object({
  type: z.literal('behavior'),
  ...common,
  name: name.optional(),
  item: id.optional(),
  topics: z.array(name).max(MAX_TOPICS).optional(),
  /** Named measurements, e.g. `scroll_depth_hz`, `tap_velocity_ms`, `active_duration_s`. */
  vectors: z
    .record(name, z.number())
    .refine((v) => Object.keys(v).length <= MAX_VECTORS, `at most ${MAX_VECTORS} vectors`)
    .optional(),
});
const impression = z.object({ type: z.literal('impression'), ...touch });
const click = z.object({ type: z.literal('click'), ...touch });
const conversion = z.object({
  type: z.literal('conversion'),
  ...common,
  value: amount,
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as "EUR"'),
  order_id: id,
});
const refund = z.object({
  type: z.literal('refund'),
  ...common,
  order_id: id,
  /** The amount given back in units; missing means the whole order. */
  value: amount.optional(),
});
const preference = z.object({
  type: z.literal('preference'),
  ...common,
  /** Declared interest per topic, 0 (none) to 1. */
  interests: z
    .record(name, z.number().min(0).max(1))
    .refine((v) => Object.keys(v).length <= MAX_TOPICS, `at most ${MAX_TOPICS} interests`)
    .optional(),
});
const consent = z.object({
  type: z.literal('consent'),
  ...common,
  /** May the user's path of channel touches be kept? */
  measurement: z.boolean(),
  /** May behaviour be turned into features and decisions? */
  personalization: z.boolean(),
  /** Signal types that may not be used, whatever else is allowed. */
  withheld: z.array(z.enum(MODALITIES)).max(MODALITIES.length).optional(),
});
const opportunity = z.object({ type: z.literal('opportunity'), ...common, placement: name });
const outcome = z.object({
  type: z.literal('outcome'),
  ...common,
  decision_id: z.string().regex(/^d_[0-9a-f]{16}$/, 'must be a decision id such as "d_78291a…"'),
  outcome: z.enum(OUTCOMES),
  /** Which of the decision's winners; the first, if not given. */
  campaign: name.optional(),
});

export const eventSchema = z.discriminatedUnion('type', [
  behavior,
  impression,
  click,
  conversion,
  refund,
  preference,
  consent,
  opportunity,
  outcome,
]);

export type Event = z.infer<typeof eventSchema>;
export type TouchEvent = Extract<Event, { type: 'impression' | 'click' }>;
export type ConversionEvent = Extract<Event, { type: 'conversion' }>;

/** Why an event was refused: the field, what it should be, what came, and what to do next. */
export interface Rejection {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
  readonly hint: string;
}

export type ParsedEvent =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly rejection: Rejection };

/**
 * Parses the bytes of one event.
 *
 * @param body UTF-8 JSON, at most MAX_EVENT_BYTES.
 * @param receivedAtMs when the log stored it (or the gateway received it), Unix ms: the bound
 *   for timestamps in the future, so that the verdict is the same at every replay (I2).
 */
export function parseEvent(body: Uint8Array, receivedAtMs: number): ParsedEvent {
  if (body.length > MAX_EVENT_BYTES) {
    return rejected(
      'body',
      `at most ${MAX_EVENT_BYTES} bytes`,
      `${body.length} bytes`,
      'send smaller events; large content belongs into a store of its own',
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(body));
  } catch (error) {
    return rejected('body', 'a JSON object in UTF-8', jsonProblem(body, error), 'check the JSON');
  }
  return parseEventJson(json, receivedAtMs);
}

/** Parses one event that is a JSON value already; see parseEvent. */
export function parseEventJson(json: unknown, receivedAtMs: number): ParsedEvent {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return rejected('body', 'a JSON object', describe(json), 'send one event per message');
  }
  const typed = 'type' in json ? json : { ...json, type: 'behavior' };
  const result = eventSchema.safeParse(typed);
  if (!result.success) {
    return { ok: false, rejection: rejectionOf(result.error.issues[0], typed) };
  }
  const event = result.data;
  if (event.timestamp > receivedAtMs + MAX_CLOCK_SKEW_MS) {
    return rejected(
      'timestamp',
      `at most ${MAX_CLOCK_SKEW_MS / 60_000} minutes after it was received (${receivedAtMs})`,
      String(event.timestamp),
      'send Unix milliseconds and check the clock of the sender',
    );
  }
  if ((event.type === 'impression' || event.type === 'click') && !namesChannel(event)) {
    return rejected(
      'channel',
      'channel, or one of utm.source, utm.medium, referrer, click_id to derive it from',
      'none of them',
      'name the channel that brought the user',
    );
  }
  return { ok: true, event };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function namesChannel(event: TouchEvent): boolean {
  return (
    event.channel !== undefined ||
    event.utm?.source !== undefined ||
    event.utm?.medium !== undefined ||
    event.referrer !== undefined ||
    event.click_id !== undefined
  );
}

function rejectionOf(issue: z.core.$ZodIssue | undefined, input: object): Rejection {
  if (issue === undefined) throw new Error('a failed parse has at least one issue');
  const field = issue.path.map(String).join('.') || 'body';
  if (issue.code === 'invalid_union' && field === 'type') {
    const types = eventSchema.options.map((option) => option.shape.type.value);
    return {
      field,
      expected: `one of ${types.join(', ')}`,
      found: describe(valueAt(input, issue.path)),
      hint: 'name a known type, or leave it out for a behavior event',
    };
  }
  return {
    field,
    expected: issue.message,
    found: describe(valueAt(input, issue.path)),
    hint: 'correct the field and send the event again with the same event_id',
  };
}

/** What came, on one short line. Nested values are not shown: they may be too deep to print. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const isObject = typeof value === 'object' && value !== null;
  const keys = isObject ? Object.keys(value).join(', ') : '';
  if (isObject) return keys === '' ? 'an empty object' : `an object with ${shortened(keys)}`;
  return shortened(typeof value === 'string' ? JSON.stringify(value) : String(value));
}

function jsonProblem(body: Uint8Array, error: unknown): string {
  if (body.length === 0) return 'an empty body';
  const why = error instanceof Error ? error.message : String(error);
  return `${body.length} bytes that do not parse: ${why.slice(0, 120)}`;
}

function rejected(field: string, expected: string, found: string, hint: string): ParsedEvent {
  return { ok: false, rejection: { field, expected, found, hint } };
}
