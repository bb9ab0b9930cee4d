/**
 * How paths go from channel to channel, from their start to a conversion or to nothing.
 */
import { useMemo, useState } from 'react';
import { CHAIN_ENDS } from '../../../protocols/chain.ts';
import type { AttributionReport } from '../../../protocols/services.ts';
import { AskedBody } from '../components/asked-body.tsx';
import { Chart, type ChartOption } from '../components/chart.tsx';
import { formatCount, formatShare } from '../components/format.ts';
import { spokenName } from '../components/names.ts';
import { useIsNarrow } from '../components/narrow.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { Segments } from '../components/segments.tsx';
import { type Column, DataTable } from '../components/sortable-table.tsx';
import { type Colours, useColours } from '../components/theme.ts';
import type { Asked } from '../live/ask.ts';
import {
  drawnEdges,
  type GraphEdge,
  type TransitionGraph,
  transitionGraph,
  withProbabilities,
} from './transition-graph.ts';

/** Less likely steps are left to the table: the graph is to be read. */
const DRAWN_FROM = 0.06;
const HEIGHT = 400;

type Form = 'graph' | 'table';
const FORMS = [
  { value: 'graph', label: 'Graph' },
  { value: 'table', label: 'Table' },
] as const;

/** The graph, or every transition as a table. */
export function TransitionPanel({ asked }: { readonly asked: Asked<AttributionReport> }) {
  const [form, setForm] = useState<Form>('graph');
  return (
    <Panel
      title="Paths through channels"
      hint={`Steps that ${formatShare(DRAWN_FROM, 0)} of paths or more take; width is likelihood.`}
      actions={<Segments<Form> label="Shown as" options={FORMS} value={form} onChange={setForm} />}
    >
      <AskedBody what="transitions" asked={asked}>
        {({ transitions = [] }) =>
          transitions.length === 0 ? (
            <Notice kind="empty" title="No path has begun yet" />
          ) : form === 'graph' ? (
            <PathGraph transitions={transitions} />
          ) : (
            <TransitionTable edges={withProbabilities(transitions)} />
          )
        }
      </AskedBody>
    </Panel>
  );
}

function PathGraph({
  transitions,
}: {
  readonly transitions: NonNullable<AttributionReport['transitions']>;
}) {
  const colours = useColours();
  const isNarrow = useIsNarrow();
  const option = useMemo(
    () => graphOption(transitionGraph(transitions), colours, isNarrow),
    [transitions, colours, isNarrow],
  );
  return (
    <Chart
      option={option}
      height={HEIGHT}
      label="Graph of the likeliest steps between channels; the table lists all of them"
    />
  );
}

function graphOption(graph: TransitionGraph, colours: Colours, isNarrow: boolean): ChartOption {
  const most = Math.max(1, ...graph.nodes.map((node) => node.visits));
  const colourOf = (name: string) => {
    if (name === CHAIN_ENDS.conversion) return colours.good;
    return name === CHAIN_ENDS.none || name === CHAIN_ENDS.start
      ? colours['ink-faint']
      : colours.accent;
  };
  return {
    tooltip: { trigger: 'item' },
    series: {
      type: 'graph',
      layout: 'none',
      preserveAspect: true,
      left: isNarrow ? 28 : 48,
      right: isNarrow ? 36 : 64,
      top: 24,
      bottom: 24,
      edgeSymbol: ['none', 'arrow'],
      edgeSymbolSize: 6,
      emphasis: { focus: 'adjacency', lineStyle: { opacity: 0.9 } },
      blur: { itemStyle: { opacity: 0.25 }, lineStyle: { opacity: 0.04 } },
      label: {
        ...{ show: true, position: 'bottom', distance: 3, color: colours.ink },
        ...{ fontSize: isNarrow ? 10 : 11, textBorderColor: colours.surface, textBorderWidth: 3 },
      },
      data: graph.nodes.map((node) => ({
        name: spokenName(node.name),
        x: node.x * (isNarrow ? 300 : 470),
        y: node.y * 330,
        symbolSize: 10 + 22 * Math.sqrt(node.visits / most),
        itemStyle: { color: colourOf(node.name) },
        tooltip: { formatter: nodeWords(node.name, node.visits, graph.edges) },
      })),
      links: drawnEdges(graph, DRAWN_FROM).map((edge) => ({
        source: spokenName(edge.from),
        target: spokenName(edge.to),
        lineStyle: {
          color: edge.to === CHAIN_ENDS.conversion ? colours.good : colours['ink-faint'],
          width: 0.5 + 9 * edge.probability,
          opacity: edge.to === CHAIN_ENDS.conversion ? 0.75 : 0.4,
          curveness: 0.14,
        },
        tooltip: { formatter: edgeWords(edge) },
      })),
    },
  };
}

function nodeWords(name: string, visits: number, edges: readonly GraphEdge[]): string {
  const again = edges.find((edge) => edge.from === name && edge.to === name);
  const repeats =
    again === undefined ? '' : `<br>${formatShare(again.probability)} go on to it again`;
  return `<b>${escaped(spokenName(name))}</b><br>${formatCount(visits)} visits${repeats}`;
}

function edgeWords(edge: GraphEdge): string {
  const step = `${escaped(spokenName(edge.from))} → ${escaped(spokenName(edge.to))}`;
  return `<b>${step}</b><br>${formatShare(edge.probability)} · ${formatCount(edge.count)} times`;
}

/** Channel names come from outside and tooltips are HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const COLUMNS: readonly Column<GraphEdge>[] = [
  {
    ...{ key: 'from', header: 'From', sortBy: (edge) => edge.from },
    cell: (edge) => spokenName(edge.from),
  },
  {
    ...{ key: 'to', header: 'To', sortBy: (edge) => edge.to },
    cell: (edge) => spokenName(edge.to),
  },
  {
    ...{ key: 'count', header: 'Times', align: 'right', sortBy: (edge) => edge.count },
    cell: (edge) => formatCount(edge.count),
  },
  {
    ...{ key: 'share', header: 'Of steps from there', align: 'right' },
    sortBy: (edge) => edge.probability,
    cell: (edge) => formatShare(edge.probability),
  },
];

function TransitionTable({ edges }: { readonly edges: readonly GraphEdge[] }) {
  return (
    <DataTable
      label="All steps between channels"
      columns={COLUMNS}
      rows={edges}
      rowKey={(edge) => `${edge.from}\n${edge.to}`}
      sortedBy={{ key: 'count', direction: 'descending' }}
      maxHeight={HEIGHT}
    />
  );
}
