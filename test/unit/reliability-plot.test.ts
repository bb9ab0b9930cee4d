/**
 * A reliability diagram is one well-formed SVG, the same bytes each time, for any names and rates.
 */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { wilsonInterval } from '../../runtime/train/intervals.ts';
import type { CalibrationBin } from '../../runtime/train/metrics.ts';
import { reliabilityPlot } from '../../runtime/train/reliability-plot.ts';

const BINS = 20;

/** Bins of 50 rows up to a rate. */
function binsTo(rate: number, count = 10): CalibrationBin[] {
  return Array.from({ length: count }, (_, i) => {
    const meanPredicted = (rate * (i + 1)) / (count + 1);
    const buyers = Math.round(50 * meanPredicted ** 1.2);
    const interval = wilsonInterval(buyers, 50);
    return { count: 50, meanPredicted, observedRate: buyers / 50, ...interval };
  });
}

/** Names of the elements; throws where a tag is not closed by its own or a bare & or < is left. */
function elementsOf(svg: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  const tag = /<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<&]*")*)(\/?)>|([^<]+)/gy;
  let end = 0;
  for (const match of svg.matchAll(tag)) {
    end = match.index + match[0].length;
    const [, isEnd, name = '', , isEmpty, text] = match;
    if (text !== undefined) {
      expect(text.replace(/&(amp|lt|gt|quot);/g, '')).not.toContain('&');
    } else if (isEnd === '/') {
      expect(open.pop()).toBe(name);
    } else {
      names.push(name);
      if (isEmpty !== '/') open.push(name);
    }
  }
  expect(end).toBe(svg.length);
  expect(open).toEqual([]);
  return names;
}

test('the diagram is one well-formed svg that loads nothing', () => {
  const svg = reliabilityPlot('Purchase', [
    { name: 'logistic regression', bins: binsTo(0.8) },
    { name: 'boosted trees', bins: binsTo(0.9) },
  ]);
  const names = elementsOf(svg);
  expect(names.filter((name) => name === 'svg')).toHaveLength(1);
  expect(svg).toContain('Observed rate');
  expect(svg).toContain('Mean predicted probability');
  expect(svg).toContain('>logistic regression<');
  expect(svg).toContain('prefers-color-scheme:dark');
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import|NaN/);
});

test('names may hold anything; markup in them stays text', () => {
  const svg = reliabilityPlot('a < b & "c"', [
    { name: '</text><script>alert(1)</script>', bins: binsTo(0.5) },
    { name: 'half a pair \ud800, a zero \0', bins: binsTo(0.5) },
  ]);
  expect(elementsOf(svg)).not.toContain('script');
  expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
  expect(svg).toContain('half a pair \ufffd, a zero \ufffd');
});

test('a long name ends in an ellipsis', () => {
  const svg = reliabilityPlot('t', [{ name: 'n'.repeat(500), bins: [] }]);
  expect(svg).toContain(`>${'n'.repeat(55)}…<`);
});

test('the same series give the same bytes', () => {
  const series = [{ name: 'a', bins: binsTo(1 / 3) }];
  const digest = createHash('sha256').update(reliabilityPlot('t', series)).digest('hex');
  expect(digest.slice(0, 16)).toBe('f3c4c0bb27ecb812');
  // Noise in the last digits, as of another order of summation, moves nothing.
  const noisy = series.map(({ name, bins }) => ({
    name,
    bins: bins.map((bin) => ({ ...bin, observedRate: bin.observedRate * (1 + 1e-14) })),
  }));
  expect(reliabilityPlot('t', noisy)).toBe(reliabilityPlot('t', series));
});

test('rare events fill the axes', () => {
  const rare = binsTo(0.004).map((bin) => ({ ...bin, observedRate: 0, low: 0, high: 0.0081 }));
  const svg = reliabilityPlot('t', [{ name: 'a', bins: rare }]);
  expect(svg).toContain('>1 %<');
  expect(svg).not.toContain('>100 %<');
});

test('the largest diagram stays below 20 kB, and more is refused', () => {
  const series = Array.from({ length: 6 }, (_, i) => ({
    name: 'a & b '.repeat(20),
    bins: binsTo(0.9 - i / 20, BINS),
  }));
  expect(Buffer.byteLength(reliabilityPlot('<'.repeat(100), series))).toBeLessThan(20_000);
  const [first] = series;
  expect(() => reliabilityPlot('t', [...series, ...series])).toThrow('at most 6 series of 20 bins');
  expect(() => reliabilityPlot('t', [{ name: 'a', bins: binsTo(1, 21) }])).toThrow('with 21');
  expect(first?.bins).toHaveLength(BINS);
});

test('a diagram without rows still has its axes', () => {
  const svg = reliabilityPlot('t', [{ name: 'a', bins: [] }]);
  expect(elementsOf(svg)).toContain('path');
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  elementsOf(reliabilityPlot('t', []));
});
