/**
 * A model as the text of the file that is committed: one feature or curve a line, so that a change
 * of the model can be read as a change of lines.
 */
import { createHash } from 'node:crypto';
import type { Model } from '../../protocols/model.ts';

/** The text of a model file; the same model gives the same bytes. */
export function modelText(model: Model): string {
  return `${textOf(model, '')}\n`;
}

/** What the model card names a model file by: the first digits of its text's SHA-256. */
export function modelDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function textOf(value: unknown, indent: string): string {
  if (isOneLine(value)) return oneLine(value);
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const lines = Array.isArray(value)
    ? value.map((each) => textOf(each, inner))
    : Object.entries(value as object).map(
        ([key, each]) => `${JSON.stringify(key)}: ${textOf(each, inner)}`,
      );
  return `${open}\n${lines.map((line) => inner + line).join(',\n')}\n${indent}${close}`;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, each]) => `"${key}": ${oneLine(each)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** Numbers and texts, lists of them, and a curve or feature, which has one list or two. */
function isOneLine(value: unknown): boolean {
  const height = heightOf(value);
  return height < 2 || (height === 2 && !Array.isArray(value));
}

function heightOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(heightOf));
}
