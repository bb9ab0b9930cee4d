/**
 * Names of groups as people read them; names that stand for no name have brackets in the feeds.
 */
const SPECIAL: Readonly<Record<string, string>> = {
  '(none)': 'not named',
  '(other)': 'others',
  '(small)': 'small groups',
  '(all)': 'all',
  '(start)': 'Start',
  '(conversion)': 'Conversion',
  '(null)': 'No conversion',
};

/** A source, region, channel or end of a path in words; ordinary names stay as they are. */
export function spokenName(name: string): string {
  return SPECIAL[name] ?? name;
}
