/**
 * The last day's alerts, also those that are over: on a time axis and as a list.
 */
import type { Alert } from '../../../protocols/alert.ts';
import { alertFigure, headlineOf, severityOf } from '../components/alert-words.ts';
import { formatClock, formatDuration, formatMoment } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { useEngineNow } from '../components/now.ts';
import { Panel } from '../components/panel.tsx';
import { type Column, DataTable } from '../components/sortable-table.tsx';
import { useLive } from '../live/live-store.ts';
import { alertLanes, alertsOfDay, endOf, TIMELINE_MS } from './alert-timeline.ts';
import { hourTicks } from './scale.ts';

const TICK_HOURS = 4;
/** Bars move by a pixel in a minute; there is no need to draw them more often than this. */
const DRAW_EVERY_MS = 5_000;

/** Nothing but good news while there was no alert. */
export function AlertsPanel() {
  const nowMs = useEngineNow(DRAW_EVERY_MS);
  const alerts = alertsOfDay(
    useLive((state) => state.alerts),
    nowMs,
  );
  const hasFrame = useLive((state) => state.frame !== undefined);
  const currency = useLive((state) => state.frame?.currency ?? 'EUR');
  return (
    <Panel
      id="alerts"
      title="Alerts of the last day"
      hint="Opened by detectors that know what each hour usually brings, and by spend breakers."
      wide={true}
    >
      {alerts.length > 0 ? (
        <div className="stack">
          <Timeline alerts={alerts} nowMs={nowMs} />
          <DataTable
            label="Alerts of the last day"
            columns={columnsAt(nowMs, currency)}
            rows={alerts}
            rowKey={(alert) => alert.id}
            maxHeight={360}
          />
        </div>
      ) : hasFrame ? (
        <Notice kind="empty" title="No alerts in the last 24 hours" />
      ) : (
        <Notice kind="loading" title="Loading alerts" />
      )}
    </Panel>
  );
}

function Timeline({
  alerts,
  nowMs,
}: {
  readonly alerts: readonly Alert[];
  readonly nowMs: number;
}) {
  const fromMs = nowMs - TIMELINE_MS;
  const percent = (share: number) => `${100 * share}%`;
  return (
    <div className="timeline" aria-hidden="true">
      {alertLanes(alerts, nowMs).map((lane) => (
        <div key={lane.key} className="lane">
          <span className="lane-name">{lane.name}</span>
          <span className="lane-track">
            {lane.bars.map(({ alert, from, width }) => (
              <i
                key={alert.id}
                className={`lane-bar lane-${severityOf(alert)} lane-${alert.status}`}
                style={{ left: percent(from), width: percent(width) }}
                title={`${headlineOf(alert)}, ${formatMoment(alert.since_ms, nowMs)}`}
              />
            ))}
          </span>
        </div>
      ))}
      <div className="lane lane-axis">
        <span className="lane-name" />
        <span className="lane-track">
          {hourTicks(fromMs, nowMs, TICK_HOURS).map((atMs) => (
            <small key={atMs} style={{ left: percent((atMs - fromMs) / TIMELINE_MS) }}>
              {formatClock(atMs).slice(0, 5)}
            </small>
          ))}
        </span>
      </div>
    </div>
  );
}

function columnsAt(nowMs: number, currency: string): readonly Column<Alert>[] {
  const figure = (value: number, alert: Alert) => alertFigure(value, alert.unit, currency);
  const length = (alert: Alert) => Math.max(0, endOf(alert, nowMs) - alert.since_ms);
  return [
    {
      ...{ key: 'since', header: 'Since', sortBy: (alert) => alert.since_ms },
      cell: (alert) => formatMoment(alert.since_ms, nowMs),
    },
    {
      ...{ key: 'what', header: 'What', sortBy: headlineOf },
      cell: (alert) => <strong title={alert.meaning}>{headlineOf(alert)}</strong>,
    },
    {
      ...{ key: 'expected', header: 'Expected', align: 'right' },
      cell: (alert) => figure(alert.expected, alert),
    },
    {
      ...{ key: 'found', header: 'Found', align: 'right' },
      cell: (alert) => figure(alert.found, alert),
    },
    {
      ...{ key: 'lasted', header: 'Lasted', align: 'right', sortBy: length },
      cell: (alert) => formatDuration(Math.floor(length(alert) / 1000) * 1000),
    },
    {
      ...{ key: 'status', header: 'Status', sortBy: (alert) => alert.status },
      cell: (alert) => <Status alert={alert} />,
    },
  ];
}

function Status({ alert }: { readonly alert: Alert }) {
  const tone = alert.status === 'open' ? ` badge-${severityOf(alert)}` : '';
  return (
    <>
      <span className={`badge${tone}`}>{alert.status}</span>
      {alert.acknowledged === null ? null : (
        <span className="soft"> by {alert.acknowledged.by}</span>
      )}
    </>
  );
}
