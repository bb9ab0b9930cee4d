/**
 * Where a region's states and arrows lie: states in a column, arrows as arcs beside it, those that
 * lead down on the right and those that lead up on the left, the longer the further out.
 *
 * Invariants:
 *   L1 Everything lies within the width and height of the layout.
 *   L2 No two ends of arrows lie at one place of a state's side, and of two arcs at one state the
 *      longer encloses the shorter, so arrows can be told apart.
 */
import type { RegionChart, Transition } from './statechart.ts';

/** In units of the drawing: one is a pixel where the drawing is as wide as WIDTH. */
export const WIDTH = 288;
const BOX_WIDTH = 112;
const BOX_HEIGHT = 36;
const GAP = 24;
const MARGIN = 26;
/** How far an arc over one state's distance stands out, and what each further one adds. */
const BULGE = 22;
const BULGE_STEP = 13;
/** The part of a state's side that arrows end on. */
const PORT_SPAN = 24;
/** The mark of the initial state stands so far above it. */
const INITIAL_ABOVE = 18;
const HEAD_LENGTH = 6;
const HEAD_WIDTH = 6;

export interface PlacedState {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedArrow {
  readonly transition: Transition;
  /** A cubic Bézier curve, as the `d` of an SVG path. */
  readonly d: string;
  /** The head, which points at the state, as the `d` of a closed path. */
  readonly head: string;
  readonly side: 'left' | 'right';
  /** Where the arc stands out furthest: the place of its label. */
  readonly apex: { readonly x: number; readonly y: number };
}

export interface RegionLayout {
  readonly width: number;
  readonly height: number;
  /** Where the mark of the initial state stands, and the state below which it points at. */
  readonly initial: { readonly x: number; readonly y: number; readonly toY: number };
  readonly states: readonly PlacedState[];
  readonly arrows: readonly PlacedArrow[];
}

/** Lays out a region. */
export function layoutRegion({ initial, states, transitions }: RegionChart): RegionLayout {
  const x = (WIDTH - BOX_WIDTH) / 2;
  const placed = states.map((name, i): PlacedState => {
    const y = MARGIN + i * (BOX_HEIGHT + GAP);
    return { name, x, y, width: BOX_WIDTH, height: BOX_HEIGHT };
  });
  const indexOf = new Map<string, number>(states.map((name, i) => [name, i]));
  const arcs = transitions.map((transition) => {
    const from = indexOf.get(transition.from) ?? 0;
    const to = indexOf.get(transition.to) ?? 0;
    return { transition, from, to, side: to > from ? ('right' as const) : ('left' as const) };
  });
  const height = 2 * MARGIN + states.length * (BOX_HEIGHT + GAP) - GAP;
  const toY = placed[indexOf.get(initial) ?? 0]?.y ?? 0;
  return {
    ...{ width: WIDTH, height, states: placed },
    initial: { x: WIDTH / 2, y: toY - INITIAL_ABOVE, toY },
    arrows: arcs.map((arc) => placeArrow(arc, arcs)),
  };
}

interface Arc {
  readonly transition: Transition;
  readonly from: number;
  readonly to: number;
  readonly side: 'left' | 'right';
}

function placeArrow(arc: Arc, all: readonly Arc[]): PlacedArrow {
  const { transition, from, to, side } = arc;
  const outwards = side === 'right' ? 1 : -1;
  const x = WIDTH / 2 + (outwards * BOX_WIDTH) / 2;
  const [fromY, toY] = [portY(arc, from, all), portY(arc, to, all)];
  const bulge = BULGE + BULGE_STEP * (Math.abs(to - from) - 1);
  // A cubic curve with both control points out by b stands out by 3b/4.
  const controlX = x + (outwards * bulge * 4) / 3;
  // The line ends where the head begins: both ends of an arc are level.
  const neckX = x + outwards * (HEAD_LENGTH - 1);
  const d = `M${x} ${fromY}C${controlX} ${fromY} ${controlX} ${toY} ${neckX} ${toY}`;
  const head = `M${x} ${toY}l${outwards * HEAD_LENGTH} ${-HEAD_WIDTH / 2}v${HEAD_WIDTH}z`;
  const apex = { x: x + outwards * bulge, y: (fromY + toY) / 2 };
  return { transition, d, head, side, apex };
}

/** Where on a state's side an arc ends: ends are spread evenly, and nest (L2). */
function portY(arc: Arc, state: number, all: readonly Arc[]): number {
  const ends = all
    .filter((each) => each.side === arc.side && (each.from === state || each.to === state))
    .map((each) => ({ each, other: each.from === state ? each.to : each.from }));
  // From above first, the nearest of them uppermost; then those to below, the furthest uppermost.
  const rank = (other: number): number => (other < state ? state - other : 2_000 - other);
  ends.sort((a, b) => rank(a.other) - rank(b.other));
  const place = ends.findIndex(({ each }) => each === arc);
  const middle = MARGIN + state * (BOX_HEIGHT + GAP) + BOX_HEIGHT / 2;
  return middle + PORT_SPAN * ((place + 1) / (ends.length + 1) - 0.5);
}
