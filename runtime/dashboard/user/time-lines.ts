/**
 * Lines of a user's fused state over the latest events, as a chart's option; and the events
 * themselves as marks below.
 *
 * Pure: from a history to what ECharts draws.
 */
import type { UserHistory } from '../../../protocols/live-services.ts';
import type { Concept, Intent, Modality } from '../../../protocols/user-snapshot.ts';
import { formatMoment } from '../components/format.ts';

type Points = UserHistory['points'];
type Point = Points[number];

/** As protocols/user-snapshot.ts orders them, which this page does not bundle; a test compares. */
export const MODALITY_NAMES: readonly Modality[] = [
  ...(['app', 'temporal', 'engagement', 'purchase', 'churn', 'zero_party'] as const),
];
export const CONCEPT_NAMES: readonly Concept[] = [
  ...(['frustration', 'stickiness', 'drop_off', 'hesitation', 'urgency', 'curiosity'] as const),
  ...(['price_sensitivity', 'loyalty'] as const),
];
export const INTENT_NAMES: readonly Intent[] = [
  ...(['engagement_intent', 'purchase_intent', 'churn_risk'] as const),
];

/** What is taken of the theme's colours. */
export type LineColours = Readonly<
  Record<
    | ('series-1' | 'series-2' | 'series-3' | 'series-4' | 'series-5' | 'series-6' | 'series-7')
    | ('ink' | 'ink-soft' | 'accent' | 'good' | 'bad'),
    string
  >
>;

export interface Line {
  readonly name: string;
  /** After each event, 0 to 1; null where it is not known. */
  readonly values: readonly (number | null)[];
}

/** How the fused state vector moved. */
export function modalityLines(points: Points): readonly Line[] {
  return MODALITY_NAMES.map((name, i) => linesOf(name, points, ({ fusion }) => fusion[i]));
}

/** How concepts moved. */
export function conceptLines(points: Points): readonly Line[] {
  return CONCEPT_NAMES.map((name) => linesOf(name, points, ({ concepts }) => concepts[name]));
}

/** How intents moved. */
export function intentLines(points: Points): readonly Line[] {
  return INTENT_NAMES.map((name) => linesOf(name, points, ({ intents }) => intents[name]));
}

function linesOf(name: string, points: Points, pick: (point: Point) => number | undefined): Line {
  return { name, values: points.map((point) => pick(point) ?? null) };
}

/** Whether lines run over time, or over events, each a step. */
export type Scale = 'time' | 'events';

/** What marks an event: the kinds that events come in. */
export const EVENT_MARKS: Readonly<
  Record<string, { readonly symbol: string; readonly of: string }>
> = {
  behavior: { symbol: 'circle', of: 'behaviour' },
  impression: { symbol: 'emptyCircle', of: 'touch seen' },
  click: { symbol: 'triangle', of: 'touch clicked' },
  opportunity: { symbol: 'rect', of: 'asks for a decision' },
  outcome: { symbol: 'emptyRect', of: 'outcome of a win' },
  conversion: { symbol: 'diamond', of: 'conversion' },
  refund: { symbol: 'emptyDiamond', of: 'refund' },
  consent: { symbol: 'pin', of: 'consent' },
};

const MARKS_AREA = 26;
/** Lines and marks stand on one scale, so neither may shift to make room for labels. */
const GRID = { left: 30, right: 10, outerBoundsMode: 'none' } as const;
const SYMBOLS_UP_TO = 60;
/** What is not meant is as faint as this. */
const FAINT = 0.12;

interface DrawnLines {
  readonly points: Points;
  readonly lines: readonly Line[];
  readonly scale: Scale;
  /** The line that is meant; the others fade. */
  readonly meant: string | undefined;
  readonly colours: LineColours;
}

/** Lines from 0 to 1, with the events as a row of marks below. */
export function linesOption({ points, lines, scale, meant, colours }: DrawnLines) {
  const xOf = (i: number): number => (scale === 'time' ? (points[i]?.t ?? 0) : i);
  const hasSymbols = points.length <= SYMBOLS_UP_TO;
  return {
    grid: [
      { ...GRID, top: 8, bottom: 24 + MARKS_AREA },
      { ...GRID, height: MARKS_AREA - 8, bottom: 24 },
    ],
    tooltip: {
      trigger: 'axis' as const,
      formatter: (shown: unknown) => tooltipOf(points, lines, colours, indexOf(shown)),
    },
    axisPointer: { link: [{ xAxisIndex: [0, 1] }] },
    xAxis: [xAxis(points, scale, false, 0), xAxis(points, scale, true, 1)],
    yAxis: [
      {
        type: 'value' as const,
        min: 0,
        max: 1,
        interval: 0.25,
        axisLabel: { formatter: shortShare },
      },
      { type: 'value' as const, min: 0, max: 1, show: false, gridIndex: 1 },
    ],
    series: [
      ...lines.map(({ name, values }, line) => ({
        name,
        type: 'line' as const,
        data: values.map((value, i) => [xOf(i), value]),
        color: lineColour(colours, line),
        symbol: 'circle',
        symbolSize: 4,
        showSymbol: hasSymbols,
        lineStyle: { width: meant === name ? 3 : 1.75, opacity: opacityOf(name, meant) },
        itemStyle: { opacity: opacityOf(name, meant) },
        z: meant === name ? 5 : 2,
      })),
      marksSeries('events', points, xOf, colours),
      marksSeries('rare events', points, xOf, colours),
    ],
  };
}

/** The colour of a line by its place; there are more concepts than the theme has series. */
export function lineColour(colours: LineColours, line: number): string {
  const names = ['series-1', 'series-4', 'series-2', 'series-3', 'series-5', 'series-7'] as const;
  return colours[[...names, 'series-6' as const, 'ink' as const][line % 8] ?? 'ink'];
}

function opacityOf(name: string, meant: string | undefined): number {
  return meant === undefined || meant === name ? 1 : FAINT;
}

function xAxis(points: Points, scale: Scale, isBottom: boolean, gridIndex: number) {
  const label = isBottom ? { show: true } : { show: false };
  const common = { gridIndex, splitLine: { show: false }, axisLine: { show: isBottom } };
  if (scale === 'time') {
    return { ...common, type: 'time' as const, axisLabel: { ...label, hideOverlap: true } };
  }
  const formatter = (at: number) => momentOf(points, points[Math.round(at)]);
  return {
    ...common,
    type: 'value' as const,
    min: 0,
    max: Math.max(1, points.length - 1),
    minInterval: 1,
    axisLabel: { ...label, formatter, hideOverlap: true },
  };
}

/** Events that are drawn above the others, and larger. */
const RARE: ReadonlySet<string> = new Set(['conversion', 'refund', 'consent']);

function marksSeries(
  name: 'events' | 'rare events',
  points: Points,
  xOf: (i: number) => number,
  colours: LineColours,
) {
  const isRare = name === 'rare events';
  const marks = points.map((point, i) => ({ ...point, x: xOf(i) }));
  return {
    name,
    type: 'scatter' as const,
    xAxisIndex: 1,
    yAxisIndex: 1,
    z: isRare ? 4 : 2,
    symbolSize: isRare ? 11 : points.length > SYMBOLS_UP_TO ? 5 : 8,
    data: marks.flatMap(({ type, verdict, x }) =>
      RARE.has(type) !== isRare
        ? []
        : {
            value: [x, 0.5],
            symbol: EVENT_MARKS[type]?.symbol ?? 'circle',
            itemStyle: {
              color: markColour(type, colours),
              opacity: verdict === 'accepted' ? 0.9 : 0.25,
            },
          },
    ),
  };
}

function markColour(type: string, colours: LineColours): string {
  if (type === 'conversion') return colours.good;
  if (type === 'refund') return colours.bad;
  if (type === 'click' || type === 'impression') return colours['series-3'];
  return type === 'opportunity' || type === 'outcome' ? colours.accent : colours['ink-soft'];
}

/** The time of day, with the date where it is not that of the latest event. */
function momentOf(points: Points, point: Point | undefined): string {
  return point === undefined ? '' : formatMoment(point.t, points.at(-1)?.t ?? point.t);
}

function shortShare(value: number): string {
  return value === 0 || value === 1 ? String(value) : value.toFixed(2).slice(1);
}

function indexOf(shown: unknown): number {
  const first = (Array.isArray(shown) ? shown[0] : shown) as { dataIndex?: number } | undefined;
  return first?.dataIndex ?? -1;
}

/** What is shown of an event; names came from outside, so they are escaped. */
export function tooltipOf(
  points: Points,
  lines: readonly Line[],
  colours: LineColours,
  index: number,
): string {
  const point = points[index];
  if (point === undefined) return '';
  const verdict = point.verdict === 'accepted' ? '' : ` (${point.verdict})`;
  const rows = lines.map(({ name, values }, line) => {
    const value = values[index];
    const dot = `<i class="line-dot" style="background:${lineColour(colours, line)}"></i>`;
    return `<tr><td>${dot}${escaped(name)}</td><td>${value?.toFixed(3) ?? '–'}</td></tr>`;
  });
  const what = point.type === point.name ? point.type : `${point.type} ${point.name}`;
  return (
    `<b>${escaped(what)}</b>${verdict}<br>${momentOf(points, point)}` +
    `<table class="line-tooltip">${rows.join('')}</table>`
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML that shows it. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
