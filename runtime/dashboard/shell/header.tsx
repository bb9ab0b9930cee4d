/**
 * The head of the page: where one is, how fresh the figures are, who is logged in.
 */
import type { KeyboardEvent } from 'react';
import { useNow } from '../components/now.ts';
import { type ThemeChoice, useThemeChoice } from '../components/theme.ts';
import { freshnessOf } from '../live/freshness.ts';
import { useLive } from '../live/live-store.ts';
import { logOut, useIsOperator, useSession } from '../live/session.ts';
import { type Route, VIEW_HASHES, VIEW_NAMES, type ViewId } from './route.ts';

const NEXT_THEME: Readonly<Record<ThemeChoice, ThemeChoice>> = {
  system: 'light',
  light: 'dark',
  dark: 'system',
};
const THEME_MARKS: Readonly<Record<ThemeChoice, string>> = { system: '◐', light: '○', dark: '●' };

/** Stays at the top while the page scrolls. */
export function Header({ route }: { readonly route: Route }) {
  const session = useSession();
  const [theme, setTheme] = useThemeChoice();
  return (
    <header className="head">
      <div className="head-row">
        <span className="brand">
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <circle cx="10" cy="10" r="7.5" fill="none" stroke="currentColor" strokeWidth="2" />
            <circle cx="10" cy="10" r="2.6" fill="currentColor" />
          </svg>
          microtarget
        </span>
        <ViewTabs route={route} />
        <FreshnessLine />
        <div className="head-end">
          <button
            type="button"
            className="button button-quiet icon-button"
            title={`Theme: ${theme}. Change to ${NEXT_THEME[theme]}.`}
            aria-label={`Theme: ${theme}. Change to ${NEXT_THEME[theme]}.`}
            onClick={() => setTheme(NEXT_THEME[theme])}
          >
            <span aria-hidden="true">{THEME_MARKS[theme]}</span>
          </button>
          {session.status === 'in' ? <span className="soft">{session.login.name}</span> : null}
          <button type="button" className="button button-quiet" onClick={() => logOut()}>
            Log out
          </button>
        </div>
      </div>
    </header>
  );
}

function ViewTabs({ route }: { readonly route: Route }) {
  const isOperator = useIsOperator();
  const views: readonly ViewId[] = isOperator
    ? ['marketing', 'operations', 'users']
    : ['marketing'];
  const move = (event: KeyboardEvent) => {
    const next = neighbour(views, route.view, event.key);
    if (next === undefined) return;
    event.preventDefault();
    window.location.hash = VIEW_HASHES[next];
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Views" onKeyDown={move}>
      {views.map((view) => (
        <a
          key={view}
          id={`tab-${view}`}
          role="tab"
          href={VIEW_HASHES[view]}
          aria-selected={view === route.view}
          aria-controls="view"
          tabIndex={view === route.view ? 0 : -1}
        >
          {VIEW_NAMES[view]}
        </a>
      ))}
    </div>
  );
}

/** The view that a key leads to: arrows go round, Home and End to the ends. */
function neighbour(views: readonly ViewId[], view: ViewId, key: string): ViewId | undefined {
  const at = views.indexOf(view);
  if (key === 'ArrowRight') return views[(at + 1) % views.length];
  if (key === 'ArrowLeft') return views.at(at - 1);
  if (key === 'Home') return views[0];
  return key === 'End' ? views.at(-1) : undefined;
}

function FreshnessLine() {
  const nowMs = useNow();
  const state = useLive((live) => live);
  const { tone, status, detail, completeness } = freshnessOf(state, nowMs);
  return (
    <p className={`freshness freshness-${tone}`} data-testid="freshness">
      <span className="freshness-dot" aria-hidden="true" />
      <strong role="status">{status}</strong> <span>{detail}</span>{' '}
      {completeness === undefined ? null : <span className="warn">{completeness}</span>}
    </p>
  );
}
