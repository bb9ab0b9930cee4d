/**
 * The page: who is logged in, which view is shown, and what holds the two together.
 *
 * Views are loaded when they are first looked at; the address's hash says which one it is.
 */
import { lazy, Suspense, useEffect } from 'react';
import { Notice } from './components/notice.tsx';
import { startListening, stopListening } from './live/live-store.ts';
import { type Login as LoggedIn, resumeSession, useSession } from './live/session.ts';
import { Header } from './shell/header.tsx';
import { Login } from './shell/login.tsx';
import { type Route, VIEW_NAMES } from './shell/route.ts';
import { useRoute } from './shell/use-route.ts';
import { ViewBoundary } from './shell/view-boundary.tsx';

const RESUME_EVERY_MS = 3_000;

const MarketerView = lazy(async () => {
  const { MarketerView } = await import('./marketer/marketer-view.tsx');
  return { default: MarketerView };
});
const OperatorView = lazy(async () => {
  const { OperatorView } = await import('./operator/operator-view.tsx');
  return { default: OperatorView };
});
const UserView = lazy(async () => {
  const { UserView } = await import('./user/user-view.tsx');
  return { default: UserView };
});

/** Everything that is on the page. */
export function App() {
  const session = useSession();
  useEffect(() => {
    if (session.status !== 'unknown') return;
    if (session.problem === undefined) {
      void resumeSession();
      return;
    }
    const timer = setTimeout(resumeSession, RESUME_EVERY_MS);
    return () => clearTimeout(timer);
  }, [session]);

  if (session.status === 'in') return <Dashboard rights={session.login.rights} />;
  if (session.status === 'out') return <Login reason={session.reason} />;
  return (
    <main className="alone">
      {session.problem === undefined ? (
        <Notice kind="loading" title="Connecting to the engine" />
      ) : (
        <Notice
          kind="error"
          title="The engine's gateway does not answer"
          text={
            <>
              Start it with <code>npm start</code>; this page tries again every few seconds.
            </>
          }
        />
      )}
    </main>
  );
}

function Dashboard({ rights }: { readonly rights: LoggedIn['rights'] }) {
  const route = useRoute();
  useEffect(() => {
    startListening(rights);
    return stopListening;
  }, [rights]);
  const name = VIEW_NAMES[route.view];
  useEffect(() => {
    document.title = `${name} · microtarget`;
  }, [name]);

  return (
    <>
      <button type="button" className="button skip-link" onClick={skipToContent}>
        Skip to the figures
      </button>
      <Header route={route} />
      <main id="content" tabIndex={-1} className="content">
        <div role="tabpanel" id="view" aria-labelledby={`tab-${route.view}`}>
          <h1 className="visually-hidden">{name}</h1>
          <ViewBoundary key={route.view}>
            <Suspense fallback={<Notice kind="loading" title={`Loading ${name}`} />}>
              <View route={route} />
            </Suspense>
          </ViewBoundary>
        </div>
      </main>
    </>
  );
}

function View({ route }: { readonly route: Route }) {
  switch (route.view) {
    case 'marketing':
      return <MarketerView />;
    case 'operations':
      return <OperatorView />;
    case 'users':
      return <UserView {...(route.user === undefined ? {} : { user: route.user })} />;
  }
}

/** A button and no link, since the address's hash names the view. */
function skipToContent(): void {
  document.getElementById('content')?.focus();
}
