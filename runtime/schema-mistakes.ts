/**
 * What a schema finds wrong, as a person who wrote the value wants to read it: which field, what
 * was expected there, and what was found.
 */
import { z } from 'zod';
import { nearestName } from '../actors/campaign/rule-mistake.ts';
import { shortened, valueAt } from '../protocols/found.ts';

export interface Mistake {
  /** Keys and indices to the field; to one that is not known, with its own name. */
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly found: string;
  /** What is wrong is the field's name, not its value. */
  readonly isName?: boolean;
}

/** All mistakes of a value that a schema did not take. */
export function schemaMistakes(error: z.ZodError, input: unknown, schema: z.ZodType): Mistake[] {
  return error.issues.flatMap((issue) => {
    const { path } = issue;
    if (issue.code === 'unrecognized_keys') {
      const known = fieldsAt(schema, path);
      return issue.keys.map((key) => unknownField([...path, key], key, known));
    }
    return { path, expected: expectedBy(issue), found: shown(valueAt(input, path)) };
  });
}

/** The names of the fields that a schema knows at a path; none where any name will do. */
export function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  const here = innermost(schema);
  const [key, ...rest] = path;
  if (here instanceof z.ZodObject) {
    if (key === undefined) return Object.keys(here.shape);
    const field: unknown = here.shape[String(key)];
    return field instanceof z.ZodType ? fieldsAt(field, rest) : [];
  }
  if (here instanceof z.ZodRecord) {
    const { keyType, valueType } = here.def;
    if (key !== undefined) return fieldsAt(valueType as z.ZodType, rest);
    return keyType instanceof z.ZodEnum ? keyType.options.map(String) : [];
  }
  if (here instanceof z.ZodArray && key !== undefined) {
    return fieldsAt(here.def.element as z.ZodType, rest);
  }
  return [];
}

/** A path as people write it. */
export function fieldName(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

/** What was found, on a short line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) {
    return `fields (${shortened(Object.keys(value).join(', '))})`;
  }
  return shortened(typeof value === 'string' ? JSON.stringify(value) : String(value));
}

function innermost(schema: z.ZodType): z.ZodType {
  const { def } = schema as unknown as { readonly def: { readonly innerType?: z.ZodType } };
  return def.innerType === undefined ? schema : innermost(def.innerType);
}

function unknownField(path: PropertyKey[], key: string, known: readonly string[]): Mistake {
  const found = JSON.stringify(shortened(key));
  const expected =
    known.length === 0 ? 'no such field' : `a known field, such as ${nearestName(key, known)}`;
  return { path, expected, found, isName: true };
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'fields with their values',
  record: 'fields with their values',
};

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return bound('at least', issue.minimum, issue.origin);
    case 'too_big':
      return bound('at most', issue.maximum, issue.origin);
    default:
      return issue.message.replace(/^must be /, '');
  }
}

function bound(than: string, limit: number | bigint, origin: string): string {
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' in the list' : '';
  return `${than} ${limit}${unit}`;
}
