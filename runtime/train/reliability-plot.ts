/**
 * A reliability diagram as one SVG that needs nothing else: predicted probabilities against what
 * was observed (Murphy & Winkler 1977), and below how many rows have such probabilities.
 *
 * Invariants:
 *   P1 The same series give the same bytes: coordinates are rounded to a tenth of a pixel.
 *   P2 Light or dark as the reader's system is, and series differ by shape as well as by colour.
 */
import type { CalibrationBin } from './metrics.ts';

export interface ReliabilitySeries {
  readonly name: string;
  readonly bins: readonly CalibrationBin[];
}

/** So many can be told apart, and stay below 20 kB with 20 bins each. */
const SERIES_MAX = 6;
const BINS_MAX = 20;
/** Characters that fit in the width. */
const TITLE_LENGTH_MAX = 46;
const NAME_LENGTH_MAX = 56;

/** Okabe & Ito (2008), darkened for white and lightened for black. */
const COLOURS = [
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#d55e00', dark: '#ff9a4d' },
  { light: '#00795a', dark: '#2fc99b' },
  { light: '#a8487f', dark: '#e59bc5' },
  { light: '#7a6200', dark: '#f0e442' },
  { light: '#555555', dark: '#bbbbbb' },
] as const;

/** Where an axis may end: rates of a few percent are not to be squeezed into a corner. */
const AXIS_ENDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;
const TICKS = 5;

const LEFT = 70;
const SIDE = 400;
const RIGHT = 24;
const TITLE_HEIGHT = 38;
const LEGEND_LINE = 20;
const COUNTS_GAP = 34;
const COUNTS_HEIGHT = 60;
const BELOW = 46;
const WIDTH = LEFT + SIDE + RIGHT;
/** Of the histogram of rows, along the axis. */
const CELLS = 20;

/** Where things are: pixels from probabilities and rows. */
interface Frame {
  readonly axisEnd: number;
  readonly countEnd: number;
  readonly top: number;
  readonly countsBottom: number;
  x(probability: number): number;
  y(rate: number): number;
}

/**
 * Draws up to 6 series of up to 20 bins: points with their intervals around the diagonal on which
 * a calibrated model lies, and a histogram of their rows.
 *
 * @param title drawn up to 46 characters, a name up to 56; what is longer ends in an ellipsis
 * @throws RangeError where there are more series or bins
 */
export function reliabilityPlot(title: string, series: readonly ReliabilitySeries[]): string {
  if (series.length > SERIES_MAX || series.some(({ bins }) => bins.length > BINS_MAX)) {
    const counts = series.map(({ bins }) => bins.length).join(', ');
    const limit = `at most ${SERIES_MAX} series of ${BINS_MAX} bins`;
    throw new RangeError(`expected ${limit}, found ${series.length} with ${counts}`);
  }
  const frame = frameOf(series);
  const height = frame.countsBottom + BELOW;
  const heading = escaped(shortened(title, TITLE_LENGTH_MAX));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="reliability" role="img" ` +
      `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${styleOf(series.length)}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="heading" x="${LEFT}" y="24">${heading}</text>`,
    ...series.map(({ name }, s) => legendOf(name, s)),
    ...axesOf(frame),
    ...series.map(({ bins }, s) => countsOf(bins, s, series.length, frame)),
    ...series.map(({ bins }, s) => pointsOf(bins, s, frame)),
    '</svg>',
    '',
  ].join('\n');
}

function frameOf(series: readonly ReliabilitySeries[]): Frame {
  const bins = series.flatMap((each) => each.bins);
  const reach = Math.max(0, ...bins.flatMap((bin) => [bin.meanPredicted, bin.high]));
  const axisEnd = AXIS_ENDS.find((end) => end >= reach) ?? 1;
  const top = TITLE_HEIGHT + LEGEND_LINE * series.length + 10;
  return {
    axisEnd,
    countEnd: Math.max(1, ...series.flatMap((each) => cellsOf(each.bins, axisEnd))),
    top,
    countsBottom: top + SIDE + COUNTS_GAP + COUNTS_HEIGHT,
    x: (probability) => LEFT + (SIDE * probability) / axisEnd,
    y: (rate) => top + SIDE - (SIDE * rate) / axisEnd,
  };
}

function styleOf(seriesCount: number): string {
  const colours = COLOURS.slice(0, seriesCount);
  const of = (scheme: 'light' | 'dark'): string =>
    colours.map((colour, s) => `.reliability .s${s}{color:${colour[scheme]}}`).join('');
  return [
    '.reliability text{font:12px system-ui,sans-serif;fill:#222}',
    '.reliability .heading{font-size:15px;font-weight:600}',
    '.reliability .ground{fill:#fff}',
    '.reliability .grid{stroke:#ddd;fill:none}',
    '.reliability .axis{stroke:#555;fill:none}',
    '.reliability .ideal{stroke:#555;stroke-dasharray:4 4;fill:none}',
    '.reliability .mark{fill:currentColor}',
    '.reliability .interval{stroke:currentColor;stroke-width:1.5}',
    '.reliability .counts{fill:currentColor;fill-opacity:.75}',
    of('light'),
    '@media (prefers-color-scheme:dark){',
    '.reliability text{fill:#ddd}',
    '.reliability .ground{fill:#16181c}',
    '.reliability .grid{stroke:#33373d}',
    '.reliability .axis,.reliability .ideal{stroke:#999}',
    of('dark'),
    '}',
  ].join('');
}

function legendOf(name: string, s: number): string {
  const y = TITLE_HEIGHT + LEGEND_LINE * s + 8;
  const mark = `<path class="s${s} mark" d="${markAt(s, LEFT + 5, y - 4)}"/>`;
  const text = escaped(shortened(name, NAME_LENGTH_MAX));
  return `${mark}<text x="${LEFT + 18}" y="${y}">${text}</text>`;
}

function axesOf({ axisEnd, countEnd, top, countsBottom, x, y }: Frame): string[] {
  const right = LEFT + SIDE;
  const bottom = top + SIDE;
  const countsTop = countsBottom - COUNTS_HEIGHT;
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => (axisEnd * i) / TICKS);
  const lines = ticks.map(
    (tick) => `M${LEFT} ${px(y(tick))}H${right}M${px(x(tick))} ${top}V${bottom}`,
  );
  const label = (tick: number): string => `${Number((tick * 100).toPrecision(6))} %`;
  const rateY = top + SIDE / 2;
  const countY = (countsTop + countsBottom) / 2;
  return [
    `<path class="grid" d="${lines.join('')}"/>`,
    `<path class="axis" d="M${LEFT} ${top}V${bottom}H${right}"/>`,
    `<path class="axis" d="M${LEFT} ${countsTop}V${countsBottom}H${right}"/>`,
    `<path class="ideal" d="M${LEFT} ${bottom}L${right} ${top}"/>`,
    ...ticks.flatMap((tick) => [
      `<text x="${LEFT - 8}" y="${px(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`,
      `<text x="${px(x(tick))}" y="${bottom + 18}" text-anchor="middle">${label(tick)}</text>`,
    ]),
    `<text x="${LEFT - 8}" y="${countsTop + 8}" text-anchor="end">${countEnd}</text>`,
    `<text x="${LEFT - 8}" y="${countsBottom + 4}" text-anchor="end">0</text>`,
    `<text x="${LEFT + SIDE / 2}" y="${countsBottom + 30}" text-anchor="middle">` +
      'Mean predicted probability of the bin</text>',
    `<text transform="translate(18 ${rateY}) rotate(-90)" text-anchor="middle">` +
      'Observed rate, 95 % interval</text>',
    `<text transform="translate(18 ${countY}) rotate(-90)" text-anchor="middle">Rows</text>`,
  ];
}

function pointsOf(bins: readonly CalibrationBin[], s: number, { x, y }: Frame): string {
  const intervals = bins.map(
    (bin) => `M${px(x(bin.meanPredicted))} ${px(y(bin.low))}V${px(y(bin.high))}`,
  );
  const marks = bins.map((bin) => markAt(s, x(bin.meanPredicted), y(bin.observedRate)));
  return (
    `<path class="s${s} interval" d="${intervals.join('')}"/>` +
    `<path class="s${s} mark" d="${marks.join('')}"/>`
  );
}

/** Rows of a series by where their bins' means lie along the axis. */
function cellsOf(bins: readonly CalibrationBin[], axisEnd: number): number[] {
  const cells = Array.from({ length: CELLS }, () => 0);
  for (const { meanPredicted, count } of bins) {
    const cell = Math.min(CELLS - 1, Math.floor((CELLS * meanPredicted) / axisEnd));
    cells[cell] = (cells[cell] as number) + count;
  }
  return cells;
}

/** Bars of one series, beside those of the others. */
function countsOf(
  bins: readonly CalibrationBin[],
  s: number,
  seriesCount: number,
  { axisEnd, countEnd, countsBottom }: Frame,
): string {
  const width = SIDE / CELLS / seriesCount;
  const bars = cellsOf(bins, axisEnd).map((count, cell) => {
    if (count === 0) return '';
    const left = LEFT + width * (cell * seriesCount + s);
    const height = (COUNTS_HEIGHT * count) / countEnd;
    return `M${px(left)} ${countsBottom}v${px(-height)}h${px(width - 1)}v${px(height)}z`;
  });
  return `<path class="s${s} counts" d="${bars.join('')}"/>`;
}

/** Circle, square, triangle, diamond, triangle upside down, cross. */
function markAt(s: number, x: number, y: number): string {
  const shape = [
    'm-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z',
    'm-3.5-3.5h7v7h-7z',
    'm0-4.5l4.5 8h-9z',
    'm0-5l5 5l-5 5l-5-5z',
    'm0 4.5l4.5-8h-9z',
    'm-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z',
  ][s] as string;
  return `M${px(x)} ${px(y)}${shape}`;
}

/** To a tenth of a pixel (P1). */
function px(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}

function shortened(text: string, lengthMax: number): string {
  const characters = [...text];
  if (characters.length <= lengthMax) return text;
  return `${characters.slice(0, lengthMax - 1).join('')}…`;
}

/** Text as XML 1.0 allows it. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
