/**
 * The beginning of a body that was refused, as text that is safe to look at: it came from outside
 * and may hold anything.
 */

/** Characters that would be invisible, or would turn the text around them. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;
const KEPT = new Set(['\n', '\t']);

export interface Excerpt {
  readonly text: string;
  /** False where bytes were not UTF-8 and are shown as U+FFFD. */
  readonly isText: boolean;
}

/** Decodes a base64 excerpt; bytes that are not UTF-8 and unseen characters are made visible. */
export function decodeExcerpt(base64: string): Excerpt {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return { text: base64, isText: false };
  }
  // An excerpt may end within a character: `stream` leaves the last, incomplete one out.
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
  return { text: decoded.replace(UNSEEN, seen), isText: !decoded.includes('\uFFFD') };
}

function seen(char: string): string {
  if (KEPT.has(char)) return char;
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/** JSON is set out over several lines where the excerpt is all of it; other text stays as it is. */
export function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
