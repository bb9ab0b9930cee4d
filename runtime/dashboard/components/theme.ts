/**
 * The page's theme: light or dark as the system says, or as the person chose, and its colours as
 * charts need them, read from the style sheet so that they are defined in one place.
 */
import { useSyncExternalStore } from 'react';

export type ThemeChoice = 'system' | 'light' | 'dark';

const COLOUR_NAMES = [
  ...(['ink', 'ink-soft', 'ink-faint', 'line', 'line-soft', 'surface', 'ground'] as const),
  ...(['accent', 'accent-soft', 'good', 'warn', 'bad', 'bad-soft', 'warn-soft'] as const),
  ...(['series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6'] as const),
  'series-7',
] as const;
export type ColourName = (typeof COLOUR_NAMES)[number];
export type Colours = Readonly<Record<ColourName, string>>;

const CHOICE_KEY = 'microtarget.theme';
const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

let choice: ThemeChoice = storedChoice();
let colours: Colours | undefined;
document.documentElement.dataset.theme = choice;

prefersDark.addEventListener('change', changed);

/** What the person chose, and the way to choose anew; the choice is kept in this browser. */
export function useThemeChoice(): readonly [ThemeChoice, (next: ThemeChoice) => void] {
  return [useSyncExternalStore(listen, () => choice), choose];
}

/** The colours in force, as `rgb(…)`; a new object whenever the theme changes. */
export function useColours(): Colours {
  return useSyncExternalStore(listen, currentColours);
}

function choose(next: ThemeChoice): void {
  choice = next;
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(CHOICE_KEY, next);
  } catch {
    // A browser that keeps nothing still shows the choice until the page is left.
  }
  changed();
}

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(CHOICE_KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system';
  }
}

function changed(): void {
  colours = undefined;
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A custom property reads as it was written, so a probe's colour is asked for instead. */
function currentColours(): Colours {
  if (colours !== undefined) return colours;
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const resolved = COLOUR_NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  colours = Object.fromEntries(resolved) as Record<ColourName, string>;
  return colours;
}
