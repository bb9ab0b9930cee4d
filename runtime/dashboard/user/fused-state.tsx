/**
 * A user's fused state: six modalities, eight concepts and three intents, now and over the latest
 * events.
 */
import { useMemo, useState } from 'react';
import type { UserHistory } from '../../../protocols/live-services.ts';
import type { UserReport } from '../../../protocols/services.ts';
import { Chart } from '../components/chart.tsx';
import { formatClock, formatShare } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { Segments } from '../components/segments.tsx';
import { useColours } from '../components/theme.ts';
import type { Asked } from '../live/ask.ts';
import {
  CONCEPT_NAMES,
  conceptLines,
  EVENT_MARKS,
  INTENT_NAMES,
  intentLines,
  type Line,
  lineColour,
  linesOption,
  MODALITY_NAMES,
  modalityLines,
  type Scale,
} from './time-lines.ts';

const CHART_HEIGHT = 214;
/** Rows of the table in words: the latest. */
const ROWS_IN_WORDS = 12;

interface FusedStateProps {
  readonly report: UserReport;
  readonly history: Asked<UserHistory>;
}

/** The panel of the fused state. */
export function FusedState({ report, history }: FusedStateProps) {
  const [scale, setScale] = useState<Scale>('events');
  const { state } = report.snapshot;
  const points = history.value?.points ?? [];
  const absent = report.explanation?.absent ?? [];
  const groups = useMemo(
    () => ({
      modalities: modalityLines(points),
      concepts: conceptLines(points),
      intents: intentLines(points),
    }),
    [points],
  );
  return (
    <Panel
      title="Fused state"
      hint={historyHint(history.value)}
      wide
      actions={
        <Segments<Scale>
          label="Lines run over"
          options={[
            { value: 'events', label: 'by event' },
            { value: 'time', label: 'by time' },
          ]}
          value={scale}
          onChange={setScale}
        />
      }
    >
      {report.unscored === undefined ? null : (
        <Notice
          kind="error"
          title="The model's network could not score the user here"
          text={`${report.unscored} Receipts of decisions hold the scores they were made by.`}
        />
      )}
      <HistoryProblem history={history} />
      <div className="line-groups">
        <LineGroup
          title="Modalities"
          lines={groups.modalities}
          now={MODALITY_NAMES.map((name, i) => {
            return absent.includes(name) ? undefined : state.fusion[i];
          })}
          {...{ points, scale }}
        />
        <LineGroup
          title="Concepts"
          lines={groups.concepts}
          now={CONCEPT_NAMES.map((name) => state.concepts[name])}
          {...{ points, scale }}
        />
        <div>
          <LineGroup
            title="Intents"
            lines={groups.intents}
            now={INTENT_NAMES.map((name) => state.intents[name])}
            {...{ points, scale }}
          />
          <ConversionWindow shares={state.intents.conversion_window} />
        </div>
      </div>
      {points.length === 0 ? null : <MarksLegend points={points} />}
    </Panel>
  );
}

function historyHint(history: UserHistory | undefined): string {
  if (history === undefined) return 'As of the last event.';
  const count = history.points.length;
  const partial = history.is_partial ? '; older ones are left out, so states build on fewer' : '';
  return `As of the last event, and after each of the latest ${count} events${partial}.`;
}

function HistoryProblem({ history }: { readonly history: Asked<UserHistory> }) {
  if (history.status !== 'failed' || history.value !== undefined) return null;
  return (
    <Notice
      kind="error"
      title="The user's past could not be read"
      text={`${history.problem?.problem ?? ''} ${history.problem?.hint ?? ''}`.trim()}
      action={{ label: 'Try again', run: history.again }}
    />
  );
}

interface LineGroupProps {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Per line its value now; undefined where the user withholds it. */
  readonly now: readonly (number | undefined)[];
  readonly points: UserHistory['points'];
  readonly scale: Scale;
}

function LineGroup({ title, lines, now, points, scale }: LineGroupProps) {
  const colours = useColours();
  const [meant, setMeant] = useState<string>();
  const option = useMemo(
    () => linesOption({ points, lines, scale, meant, colours }),
    [points, lines, scale, meant, colours],
  );
  const latest = points.slice(-ROWS_IN_WORDS);
  const rows = latest.map((point, i) => [
    `${formatClock(point.t)} ${point.name}`,
    ...lines.map(({ values }) => formatShare(values[points.length - latest.length + i])),
  ]);
  return (
    <section className="line-group" aria-label={title}>
      <h3>{title}</h3>
      {points.length < 2 ? (
        <p className="line-group-empty soft">Lines appear after the second event.</p>
      ) : (
        <Chart
          option={option}
          height={CHART_HEIGHT}
          label={`${title} after each of the latest events`}
          table={{ columns: ['event', ...lines.map(({ name }) => name)], rows }}
        />
      )}
      <ul className="line-keys">
        {lines.map(({ name }, i) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={meant === name}
              onClick={() => setMeant(meant === name ? undefined : name)}
            >
              <i className="line-dot" style={{ background: lineColour(colours, i) }} />
              <span className="line-name">{name}</span>
              <Level value={now[i]} colour={lineColour(colours, i)} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Level({ value, colour }: { readonly value: number | undefined; readonly colour: string }) {
  if (value === undefined) return <span className="soft">absent</span>;
  return (
    <>
      <span className="level" aria-hidden="true">
        <i style={{ width: `${value * 100}%`, background: colour }} />
      </span>
      <span className="line-value">{value.toFixed(2)}</span>
    </>
  );
}

const WINDOW_NAMES = ['now', 'today', 'this week', 'later'] as const;

function ConversionWindow({ shares }: { readonly shares: readonly number[] }) {
  return (
    <section className="conversion-window" aria-label="When the next conversion comes">
      <h3>Next conversion</h3>
      <div className="window-bar" aria-hidden="true">
        {WINDOW_NAMES.map((name, i) => (
          <i key={name} className={`window-${i}`} style={{ flexGrow: shares[i] ?? 0 }} />
        ))}
      </div>
      <dl className="window-keys">
        {WINDOW_NAMES.map((name, i) => (
          <div key={name}>
            <dt>
              <i className={`line-dot window-${i}`} />
              {name}
            </dt>
            <dd>{formatShare(shares[i])}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const MARK_CHARS: Readonly<Record<string, string>> = {
  circle: '●',
  emptyCircle: '○',
  triangle: '▲',
  rect: '■',
  emptyRect: '□',
  diamond: '◆',
  emptyDiamond: '◇',
  pin: '⚑',
};

function MarksLegend({ points }: { readonly points: UserHistory['points'] }) {
  const types = new Set(points.map(({ type }) => type));
  const shown = Object.entries(EVENT_MARKS).filter(([type]) => types.has(type));
  return (
    <p className="marks-legend soft">
      Events:{' '}
      {shown.map(([type, { symbol, of }]) => (
        <span key={type} className={`mark-${type}`}>
          <i aria-hidden="true">{MARK_CHARS[symbol] ?? '●'}</i> {of}
        </span>
      ))}
    </p>
  );
}
