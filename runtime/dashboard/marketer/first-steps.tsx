/**
 * What to do while the engine has seen no event yet.
 */
import { Panel } from '../components/panel.tsx';

/** Two ways to the first event; the figures below fill by themselves. */
export function FirstSteps() {
  const event = JSON.stringify({
    event_id: '9f8c4b2a-1e3d-4f7c-8a2b-5d6e7f809102',
    session_index: 1,
    timestamp: Date.now(),
    user_mode: 'anonymous',
    source: 'web',
  });
  return (
    <Panel title="No events yet" hint="The page is connected and fills as soon as events come.">
      <ol className="first-steps">
        <li>
          <h3>Send simulated shoppers</h3>
          <pre>npm run microtarget simulate</pre>
        </li>
        <li>
          <h3>Or send an event of your own</h3>
          <pre>{`curl '${window.location.origin}/v1/events?user=ada' -d '${event}'`}</pre>
        </li>
      </ol>
    </Panel>
  );
}
