/**
 * The users looked at last, for going back to them.
 */
export const MAX_LOOKED_AT = 6;

/** The ids with this one first, each once. */
export function withLookedAt(ids: readonly string[], id: string): readonly string[] {
  return [id, ...ids.filter((each) => each !== id)].slice(0, MAX_LOOKED_AT);
}

/** The ids as they were kept; none where something else was. */
export function parseLookedAt(kept: string | null): readonly string[] {
  try {
    const found: unknown = JSON.parse(kept ?? '[]');
    if (!Array.isArray(found)) return [];
    return found.filter((each) => typeof each === 'string').slice(0, MAX_LOOKED_AT);
  } catch {
    return [];
  }
}
