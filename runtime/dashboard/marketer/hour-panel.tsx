/**
 * The last hour: events per second against what was expected, revenue and conversions by minute.
 */
import { useMemo } from 'react';
import type { Alert } from '../../../protocols/alert.ts';
import type { LiveHistory } from '../../../protocols/live-figures.ts';
import { headlineOf, severityOf } from '../components/alert-words.ts';
import { Chart, type ChartOption } from '../components/chart.tsx';
import { formatClock, formatCount, formatMoney, formatRate } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type Colours, useColours } from '../components/theme.ts';
import { useLive } from '../live/live-store.ts';
import { alertPeriods, eventSeries, type HourChart, minuteSeries } from './hour-series.ts';

const HEIGHT = 408;
const GRID_TOPS = [30, 232, 334] as const;
const GRID_HEIGHTS = [158, 62, 50] as const;
/** Rows of the table in words: the latest minutes. */
const MAX_WORDED_MINUTES = 15;

/** Three charts over one time axis. */
export function HourPanel() {
  const windows = useLive((state) => state.history);
  const alerts = useLive((state) => state.alerts);
  const currency = useLive((state) => state.frame?.currency ?? 'EUR');
  const hasFrame = useLive((state) => state.frame !== undefined);
  const colours = useColours();
  const option = useMemo(
    () => hourOption(windows, alerts, currency, colours),
    [windows, alerts, currency, colours],
  );
  const table = useMemo(() => hourTable(windows, currency), [windows, currency]);
  return (
    <Panel
      title="Last hour"
      hint="By the time at which things happened. Shaded: while an alert about it was open."
      wide={true}
    >
      {windows.length > 0 ? (
        <Chart
          option={option}
          height={HEIGHT}
          label="Events per second with what was expected, revenue and conversions per minute"
          table={table}
        />
      ) : hasFrame ? (
        <Notice kind="empty" title="Nothing has happened in the last hour" />
      ) : (
        <Notice kind="loading" title="Loading the last hour" />
      )}
    </Panel>
  );
}

function hourTable(windows: LiveHistory['windows'], currency: string) {
  return {
    columns: ['Minute', 'Events', 'Conversions', 'Revenue', 'Spend'],
    rows: minuteSeries(windows)
      .slice(-MAX_WORDED_MINUTES)
      .map((minute) => [
        formatClock(minute.fromMs),
        formatCount(minute.events),
        formatCount(minute.conversions),
        formatMoney(minute.valueMicros, currency),
        formatMoney(minute.spentMicros, currency),
      ]),
  };
}

function hourOption(
  windows: LiveHistory['windows'],
  alerts: readonly Alert[],
  currency: string,
  colours: Colours,
): ChartOption {
  const { found, expected } = eventSeries(windows);
  const minutes = minuteSeries(windows);
  const names = ['Events per second', `Revenue per minute, ${currency}`, 'Conversions per minute'];
  const areas = (chart: HourChart) => ({
    silent: true,
    data: alertAreas(alerts, chart, windows, colours),
  });
  return {
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    tooltip: {
      trigger: 'axis',
      formatter: (points) => hourWords(points, currency),
    },
    legend: { right: 0, top: 0, data: ['Events', 'Expected'] },
    grid: GRID_TOPS.map((top, index) => ({
      ...{ top, height: GRID_HEIGHTS[index] as number, left: 44, right: 10 },
      outerBoundsMode: 'none',
    })),
    xAxis: GRID_TOPS.map((_, gridIndex) => ({
      ...{
        type: 'time',
        gridIndex,
        min: windows[0]?.from_ms ?? 0,
        max: windows.at(-1)?.from_ms ?? 0,
      },
      axisLabel: { show: gridIndex === 2, formatter: '{HH}:{mm}' },
    })) as never,
    yAxis: names.map((name, gridIndex) => ({
      ...{ type: 'value', gridIndex, name, splitNumber: gridIndex === 0 ? 4 : 2, minInterval: 1 },
      nameGap: 10,
      nameTextStyle: { align: 'left', padding: [0, 0, 0, -40] },
      axisLabel: { formatter: (value: number) => formatCount(value, true) },
    })) as never,
    series: [
      {
        ...{ type: 'line', name: 'Events', data: found as never, showSymbol: false },
        lineStyle: { width: 1.5 },
        itemStyle: { color: colours.accent },
        areaStyle: { opacity: 0.08 },
        markArea: areas('events'),
      },
      {
        ...{ type: 'line', name: 'Expected', data: expected as never, showSymbol: false },
        lineStyle: { width: 1.5, type: 'dashed', color: colours['ink-faint'] },
        itemStyle: { color: colours['ink-faint'] },
      },
      {
        ...{ type: 'bar', name: 'Revenue', xAxisIndex: 1, yAxisIndex: 1, barMaxWidth: 10 },
        itemStyle: { color: colours.accent },
        data: minutes.map((each) => bar(each.fromMs, each.valueMicros / 1_000_000, each.isOpen)),
        markArea: areas('revenue'),
      },
      {
        ...{ type: 'bar', name: 'Conversions', xAxisIndex: 2, yAxisIndex: 2, barMaxWidth: 10 },
        itemStyle: { color: colours.accent },
        data: minutes.map((each) => bar(each.fromMs, each.conversions, each.isOpen)),
        markArea: areas('conversions'),
      },
    ],
  };
}

/** What the tooltip says: the moment, then each series' figure, in the order of the charts. */
function hourWords(points: unknown, currency: string): string {
  const shown = [...(points as HourPoint[])].sort((a, b) => a.seriesIndex - b.seriesIndex);
  const lines = shown.map(({ marker, seriesName, value: [, figure] }) => {
    const text = figureWords(seriesName, figure, currency);
    return `${marker}${seriesName} <b>${text}</b>${UNITS[seriesName] ?? ''}`;
  });
  return [formatClock(shown[0]?.value[0]), ...lines].join('<br>');
}

function figureWords(series: string, figure: number | null, currency: string): string {
  if (series === 'Revenue') return formatMoney((figure ?? 0) * 1_000_000, currency);
  return series === 'Conversions' ? formatCount(figure) : formatRate(figure);
}

const UNITS: Readonly<Record<string, string>> = {
  ...{ Events: ' /s', Expected: ' /s', Revenue: ' /min', Conversions: ' /min' },
};

interface HourPoint {
  readonly seriesIndex: number;
  readonly seriesName: string;
  readonly marker: string;
  readonly value: readonly [atMs: number, figure: number | null];
}

/** A minute stands at its middle; one that is not over yet is pale. */
function bar(fromMs: number, figure: number, isOpen: boolean) {
  return { value: [fromMs + 30_000, figure], itemStyle: { opacity: isOpen ? 0.35 : 0.85 } };
}

function alertAreas(
  alerts: readonly Alert[],
  chart: HourChart,
  windows: LiveHistory['windows'],
  colours: Colours,
): never {
  const fromMs = windows[0]?.from_ms ?? 0;
  const toMs = windows.at(-1)?.from_ms ?? 0;
  return alertPeriods(alerts, chart, fromMs, toMs).map((period) => [
    {
      name: headlineOf(period.alert),
      xAxis: period.fromMs,
      itemStyle: { color: colours[severityOf(period.alert)], opacity: 0.16 },
      label: { show: false },
    },
    { xAxis: period.toMs },
  ]) as never;
}
