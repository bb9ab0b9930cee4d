/**
 * Paths as a graph: where its nodes stand, how likely each step is, and which steps are drawn.
 *
 * T1 Channels stand on an ellipse between the start, at the left, and the two ends, at the right:
 *    those that begin paths more to the left, those that end them more to the right.
 * T2 Pure: from transition counts to nodes and edges; the same counts always give the same graph.
 */
import { CHAIN_ENDS } from '../../../protocols/chain.ts';

export interface Transition {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

export interface GraphNode {
  readonly name: string;
  /** Across from 0 (start) to 1 (ends), and down from 0 to 1. */
  readonly x: number;
  readonly y: number;
  /** How often paths came here, or began here. */
  readonly visits: number;
}

export interface GraphEdge extends Transition {
  /** Of all steps out of `from`, the share that led to `to`. */
  readonly probability: number;
}

export interface TransitionGraph {
  readonly nodes: readonly GraphNode[];
  /** The likeliest first; steps of a channel to itself are among them. */
  readonly edges: readonly GraphEdge[];
}

/** Channels drawn one by one; the rarest beyond are left to the table. */
export const MAX_DRAWN_NODES = 14;

/** The graph of all transitions, without those of channels that are left out. */
export function transitionGraph(transitions: readonly Transition[]): TransitionGraph {
  const edges = withProbabilities(transitions);
  const visits = new Map<string, number>();
  for (const { from, to, count } of edges) {
    visits.set(to, (visits.get(to) ?? 0) + count);
    if (from === CHAIN_ENDS.start) visits.set(from, (visits.get(from) ?? 0) + count);
  }
  const ends = new Set<string>(Object.values(CHAIN_ENDS));
  const channels = [...visits]
    .filter(([name]) => !ends.has(name))
    .sort(([a, countA], [b, countB]) => countB - countA || a.localeCompare(b))
    .slice(0, MAX_DRAWN_NODES)
    .map(([name]) => name);
  const node = (name: string, x: number, y: number): GraphNode => ({
    ...{ name, x, y, visits: visits.get(name) ?? 0 },
  });
  const nodes = [
    node(CHAIN_ENDS.start, 0, 0.5),
    ...placed(channels, edges).map(({ name, x, y }) => node(name, x, y)),
    node(CHAIN_ENDS.conversion, 1, 0.24),
    node(CHAIN_ENDS.none, 1, 0.76),
  ];
  const drawn = new Set(nodes.map(({ name }) => name));
  return { nodes, edges: edges.filter((edge) => drawn.has(edge.from) && drawn.has(edge.to)) };
}

/** The steps that are drawn: all but those to oneself and those less likely than `atLeast`. */
export function drawnEdges(graph: TransitionGraph, atLeast: number): readonly GraphEdge[] {
  return graph.edges.filter((edge) => edge.from !== edge.to && edge.probability >= atLeast);
}

/** Transitions with how likely each is among those from the same place, the likeliest first. */
export function withProbabilities(transitions: readonly Transition[]): readonly GraphEdge[] {
  const out = new Map<string, number>();
  for (const { from, count } of transitions) out.set(from, (out.get(from) ?? 0) + count);
  return transitions
    .filter(({ count }) => count > 0)
    .map((each) => ({ ...each, probability: each.count / (out.get(each.from) ?? 1) }))
    .sort((a, b) => b.probability - a.probability || b.count - a.count);
}

/** Places on an ellipse (T1), above and below its axis in turn. */
function placed(channels: readonly string[], edges: readonly GraphEdge[]) {
  const share = (from: string, to: string) =>
    edges.find((edge) => edge.from === from && edge.to === to)?.probability ?? 0;
  const start = CHAIN_ENDS.start;
  const end = CHAIN_ENDS.conversion;
  const leaning = new Map(channels.map((name) => [name, share(start, name) - share(name, end)]));
  const fromLeft = [...channels].sort(
    (a, b) => (leaning.get(b) ?? 0) - (leaning.get(a) ?? 0) || a.localeCompare(b),
  );
  return fromLeft.map((name, index) => {
    const angle = (Math.PI * (index + 0.5)) / fromLeft.length;
    const side = index % 2 === 0 ? -1 : 1;
    return {
      name,
      x: 0.5 - 0.34 * Math.cos(angle),
      y: 0.5 + side * 0.5 * Math.sin(angle),
    };
  });
}
