/** Each region's drawing: inside its frame, no two arrows on one place. */
import { expect, test } from 'vitest';
import { layoutRegion } from '../../../runtime/dashboard/user/region-layout.ts';
import { type RegionChart, STATECHART } from '../../../runtime/dashboard/user/statechart.ts';

/** The numbers of a path `Mx yCx y x y x y`. */
function numbersOf(d: string): readonly number[] {
  return d.match(/-?[\d.]+/g)?.map(Number) ?? [];
}

test.each(STATECHART)('all of $region lies within its drawing', (region) => {
  const { width, height, states, arrows } = layoutRegion(region);
  for (const { x, y, width: w, height: h } of states) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(x + w).toBeLessThanOrEqual(width);
    expect(y + h).toBeLessThan(height);
  }
  for (const { apex } of arrows) {
    expect(apex.x).toBeGreaterThan(4);
    expect(apex.x).toBeLessThan(width - 4);
  }
});

test.each(STATECHART)('every transition of $region is an arrow from state to state', (region) => {
  const { states, arrows } = layoutRegion(region);
  expect(arrows.map(({ transition }) => transition)).toEqual(region.transitions);
  for (const { transition, d } of arrows) {
    const [, fromY = 0] = numbersOf(d);
    const toY = numbersOf(d).at(-1) ?? 0;
    const holding = (y: number) =>
      states.find((each) => each.y < y && y < each.y + each.height)?.name;
    expect(holding(fromY)).toBe(transition.from);
    expect(holding(toY)).toBe(transition.to);
  }
});

test.each(STATECHART)('arrows of $region end at places of their own', (region) => {
  const ends = layoutRegion(region).arrows.flatMap(({ d, side }) => {
    const points = numbersOf(d);
    return [`${side} ${points[1]}`, `${side} ${points.at(-1)}`];
  });
  expect(new Set(ends).size).toBe(ends.length);
});

test.each(STATECHART)('arrows of $region lead down on the right, up on the left', (region) => {
  const indexOf = (name: string) => region.states.indexOf(name as never);
  for (const { transition, side } of layoutRegion(region).arrows) {
    const isDown = indexOf(transition.to) > indexOf(transition.from);
    expect(side).toBe(isDown ? 'right' : 'left');
  }
});

/** The arrows that end on one side of a state: how far the other end is, and where they end. */
function endsAt(region: RegionChart, state: number, side: 'left' | 'right') {
  const indexOf = (name: string) => region.states.indexOf(name as never);
  return layoutRegion(region).arrows.flatMap(({ transition, d, side: its }) => {
    const [from, to] = [indexOf(transition.from), indexOf(transition.to)];
    if (its !== side || (from !== state && to !== state)) return [];
    const y = (from === state ? numbersOf(d)[1] : numbersOf(d).at(-1)) ?? 0;
    return [{ distance: (from === state ? to : from) - state, y }];
  });
}

test.each(STATECHART)('arrows of $region nest where they end, so none crosses there', (region) => {
  const topDown = (a: { distance: number }, b: { distance: number }) => {
    // From above before to below; from above the nearest first, to below the furthest.
    return Math.sign(a.distance) - Math.sign(b.distance) || b.distance - a.distance;
  };
  for (const state of region.states.keys()) {
    for (const side of ['left', 'right'] as const) {
      const ends = endsAt(region, state, side);
      const byPlace = ends.toSorted((a, b) => a.y - b.y);
      expect(byPlace).toEqual(ends.toSorted(topDown));
    }
  }
});
