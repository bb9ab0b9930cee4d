/**
 * One region of a user's statechart, drawn: states as boxes, transitions as arcs, the current
 * state lit. Below, in words, what leads away from the state that is pointed at, or else from the
 * current one.
 *
 * D1 Each region is one stop of the tab key; arrow keys go from state to state.
 */
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import { layoutRegion, type PlacedArrow, type PlacedState } from './region-layout.ts';
import {
  EVENT_MEANINGS,
  GUARD_MEANINGS,
  type RegionChart,
  type TakenMove,
  type Transition,
  transitionLabel,
} from './statechart.ts';

interface RegionDrawingProps {
  readonly region: RegionChart;
  readonly current: string;
  /** The move that has just been seen; flashes. */
  readonly taken: TakenMove | undefined;
  /** Since when it is so, beside the region's name. */
  readonly since: ReactNode;
  /** What the region's guards read. */
  readonly children: ReactNode;
}

/** A region in its frame. */
export function RegionDrawing({ region, current, taken, since, children }: RegionDrawingProps) {
  const layout = useMemo(() => layoutRegion(region), [region]);
  const [pointed, setPointed] = useState<string>();
  const [arrow, setArrow] = useState<PlacedArrow>();
  const from = pointed ?? current;
  const isLit = (each: Transition): boolean =>
    arrow === undefined ? each.from === from : each === arrow.transition;
  return (
    <section className="region" aria-labelledby={`region-${region.region}`}>
      <header className="region-head">
        <h3 id={`region-${region.region}`}>{region.region}</h3>
        <span className="region-current">{current}</span>
        <span className="region-since">{since}</span>
      </header>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset holds no drawing */}
      <svg
        className="region-drawing"
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label={`States of ${region.region}`}
      >
        {layout.arrows.map((each) => (
          <Arrow
            key={`${each.transition.from} ${each.transition.to} ${each.transition.event}`}
            arrow={each}
            isLit={isLit(each.transition)}
            isTaken={taken?.transition === each.transition}
            onPoint={setArrow}
          />
        ))}
        <Initial {...layout.initial} />
        <States
          {...{ region, current, states: layout.states, onPoint: setPointed }}
          takenTo={taken?.to}
        />
        {arrow === undefined ? null : <ArrowLabel arrow={arrow} width={layout.width} />}
      </svg>
      <Moves region={region} from={from} />
      <div className="region-facts">{children}</div>
    </section>
  );
}

interface ArrowProps {
  readonly arrow: PlacedArrow;
  readonly isLit: boolean;
  readonly isTaken: boolean;
  onPoint(arrow: PlacedArrow | undefined): void;
}

function Arrow({ arrow, isLit, isTaken, onPoint }: ArrowProps) {
  const className = `arrow${isLit ? ' is-lit' : ''}${isTaken ? ' is-taken' : ''}`;
  return (
    <g
      className={className}
      data-arrow={`${arrow.transition.from} ${arrow.transition.to}`}
      onPointerEnter={() => onPoint(arrow)}
      onPointerLeave={() => onPoint(undefined)}
    >
      <path className="arrow-reach" d={arrow.d} />
      <path className="arrow-line" d={arrow.d} />
      <path className="arrow-head" d={arrow.head} />
    </g>
  );
}

/** A dot with an arrow, as statecharts mark where a region begins. */
function Initial({ x, y, toY }: { readonly x: number; readonly y: number; readonly toY: number }) {
  return (
    <g className="initial">
      <circle cx={x} cy={y} r={3.5} />
      <path d={`M${x} ${y}V${toY - 5}`} />
      <path className="initial-head" d={`M${x} ${toY}l-3 -6h6z`} />
    </g>
  );
}

interface StatesProps {
  readonly region: RegionChart;
  readonly current: string;
  readonly takenTo: string | undefined;
  readonly states: readonly PlacedState[];
  onPoint(state: string | undefined): void;
}

const STEP_BY_KEY: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowRight: 1,
  ArrowUp: -1,
  ArrowLeft: -1,
};

function States({ region, current, takenTo, states, onPoint }: StatesProps) {
  const boxes = useRef(new Map<string, SVGGElement>());
  const [stop, setStop] = useState<string>();
  const walk = (event: KeyboardEvent, index: number) => {
    const next = states[index + (STEP_BY_KEY[event.key] ?? 0)];
    if (STEP_BY_KEY[event.key] === undefined) return;
    event.preventDefault();
    if (next !== undefined) boxes.current.get(next.name)?.focus();
  };
  return states.map(({ name, x, y, width, height }, index) => {
    const isCurrent = name === current;
    return (
      // biome-ignore lint/a11y/useSemanticElements: a drawing holds no HTML buttons
      <g
        key={name}
        ref={(box) => {
          if (box !== null) boxes.current.set(name, box);
        }}
        className={`state${isCurrent ? ' is-current' : ''}${takenTo === name ? ' is-taken' : ''}`}
        role="button"
        aria-label={inWords(region, name, isCurrent)}
        aria-current={isCurrent ? 'true' : undefined}
        data-testid={`state-${region.region}-${name}`}
        data-current={isCurrent}
        tabIndex={(stop ?? current) === name ? 0 : -1}
        onClick={() => onPoint(name)}
        onKeyDown={(event) => walk(event, index)}
        onFocus={() => {
          setStop(name);
          onPoint(name);
        }}
        onBlur={() => onPoint(undefined)}
        onPointerEnter={() => onPoint(name)}
        onPointerLeave={() => onPoint(undefined)}
      >
        <rect x={x} y={y} width={width} height={height} rx={height / 2} />
        <text x={x + width / 2} y={y + height / 2} dominantBaseline="central" textAnchor="middle">
          {name}
        </text>
      </g>
    );
  });
}

function inWords({ initial, transitions }: RegionChart, name: string, isCurrent: boolean): string {
  const marks = `${isCurrent ? ', current' : ''}${name === initial ? ', initial' : ''}`;
  const moves = transitions
    .filter(({ from }) => from === name)
    .map((each) => `to ${each.to} on ${transitionLabel(each)}`);
  return `${name}${marks}; ${moves.join(', ') || 'nothing leads away'}`;
}

/** Some 6 units a character of the label's type. */
const LABEL_CHAR = 6;

function ArrowLabel({ arrow, width }: { readonly arrow: PlacedArrow; readonly width: number }) {
  const text = transitionLabel(arrow.transition);
  const wide = text.length * LABEL_CHAR + 14;
  const x = Math.min(width - wide - 2, Math.max(2, arrow.apex.x - wide / 2));
  return (
    <g className="arrow-label">
      <rect x={x} y={arrow.apex.y - 11} width={wide} height={22} rx={5} />
      <text x={x + wide / 2} y={arrow.apex.y} dominantBaseline="central" textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

function Moves({ region, from }: { readonly region: RegionChart; readonly from: string }) {
  const count = (state: string) => region.transitions.filter((each) => each.from === state).length;
  const most = Math.max(...region.states.map(count));
  return (
    // As many lines as any state needs, so that nothing below moves as one points at states.
    <div className="region-moves" style={{ minHeight: `${(most + 1) * 1.5}em` }}>
      <p>from {from}</p>
      <ul>
        {region.transitions
          .filter((each) => each.from === from)
          .map((each) => (
            <li key={`${each.to} ${each.event}`} title={meaningOf(each)}>
              <span>→ {each.to}</span>
              <code>{transitionLabel(each)}</code>
            </li>
          ))}
      </ul>
    </div>
  );
}

/** What makes a transition happen, in words. */
export function meaningOf({ event, guard }: Transition): string {
  const when = EVENT_MEANINGS[event];
  return guard === undefined ? when : `${when}, if ${GUARD_MEANINGS[guard]}`;
}
