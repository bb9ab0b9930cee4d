/**
 * The Numenta Anomaly Benchmark on the 35 of its series that are beside the project: our scorer
 * reproduces the published scores of three detectors, and then scores ours, with one configuration.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type DetectorMode, newDetector, step } from '../../actors/detector/detector.ts';
import {
  NAB_PROFILES,
  type NabRun,
  type NabSeries,
  nabAt,
  nabBest,
  nabRawScore,
  nabWeights,
} from '../nab-score.ts';
import { sharedFile } from '../public-sets.ts';
import { tarFiles } from '../tar-files.ts';

const corpusFile = sharedFile('nab/corpus.tar.gz');
const series = corpusFile === undefined ? [] : readSeries(corpusFile);
const weights = series.map(nabWeights);
const PROFILES = Object.keys(NAB_PROFILES) as (keyof typeof NAB_PROFILES)[];

function lines(text: string | undefined): string[][] {
  const [, ...rows] = (text as string).trim().split(/\r?\n/);
  return rows.map((row) => row.split(','));
}

function readSeries(file: string): NabSeries[] {
  const texts = tarFiles(file);
  const windowFile = sharedFile('nab/combined_windows.json') as string;
  const windows = JSON.parse(readFileSync(windowFile, 'utf8')) as Record<string, string[][]>;
  const names = [...texts.keys()].filter((name) => /^data\/.+\.csv$/.test(name));
  return names.map((path) => {
    const name = path.replace('data/', '');
    const rows = lines(texts.get(path));
    return {
      name,
      timestamps: rows.map(([timestamp]) => timestamp as string),
      values: rows.map(([, value]) => Number(value)),
      windows: (windows[name] ?? []).map(([start, end]) => [whole(start), whole(end)] as const),
    };
  });
}

/** A window's edge without its fraction of a second, which is always zero. */
function whole(edge: string | undefined): string {
  return (edge as string).replace('.000000', '');
}

function publishedRuns(detector: string): NabRun[] {
  const texts = tarFiles(sharedFile(`nab/results-${detector}.tar.gz`) as string);
  return series.map(({ name }, i) => {
    const rows = lines(texts.get(`${detector}/${name.replace('/', `/${detector}_`)}`));
    return { weights: weights[i] as NabRun['weights'], scores: rows.map((row) => Number(row[2])) };
  });
}

function ourRuns(mode: DetectorMode): NabRun[] {
  return series.map(({ timestamps, values }, i) => {
    let state = newDetector(mode);
    const scores = values.map((value, row) => {
      const next = step(state, { t: Date.parse(`${timestamps[row]}Z`), value });
      state = next.state;
      return next.verdict.score;
    });
    return { weights: weights[i] as NabRun['weights'], scores };
  });
}

/** Normalised best scores, standard and with few false positives. */
function best(runs: readonly NabRun[]): number[] {
  return PROFILES.map((profile) => nabBest(runs, NAB_PROFILES[profile]).normalised);
}

test.skipIf(corpusFile === undefined).each([
  ['windowedGaussian', 36.08, 18.39],
  ['relativeEntropy', 49.49, 42.15],
  ['skyline', 35.71, 28.98],
])('the published scores of %s come out of our scorer, file by file', (detector, ...published) => {
  expect(series).toHaveLength(35);
  const runs = publishedRuns(detector);
  const sheets = tarFiles(sharedFile(`nab/results-${detector}.tar.gz`) as string);
  PROFILES.forEach((profile, p) => {
    const sheet = lines(sheets.get(`${detector}/${detector}_${profile}_scores.csv`));
    const rowOf = new Map(sheet.map((row) => [row[2] as string, row]));
    series.forEach(({ name }, i) => {
      const [, , , threshold, score] = rowOf.get(name) as string[];
      const raw = nabRawScore(runs[i] as NabRun, Number(threshold), NAB_PROFILES[profile]);
      expect(Math.abs(raw - Number(score)), name).toBeLessThan(1e-9);
    });
    const threshold = Number(rowOf.get(series[0]?.name ?? '')?.[3]);
    const total = nabAt(runs, threshold, NAB_PROFILES[profile]).normalised;
    expect(Math.abs(total - (published[p] as number))).toBeLessThan(0.005);
  });
});

test.skipIf(corpusFile === undefined)(
  'the robust mode is better than the best of the three, with one configuration and threshold',
  () => {
    const runs = ourRuns('robust');
    const [standard, lowFalsePositives] = best(runs);
    expect(standard).toBeGreaterThan(62.5);
    expect(lowFalsePositives).toBeGreaterThan(53.5);
    // Either half of the series alone: no few series carry the score.
    for (const half of [0, 1]) {
      const [halfStandard, halfLow] = best(runs.filter((_, i) => i % 2 === half));
      expect(halfStandard).toBeGreaterThan(61.5);
      expect(halfLow).toBeGreaterThan(52.5);
    }
  },
);

test.skipIf(corpusFile === undefined)(
  'three sigma over the last points is worse than no alert at all, a higher bar is not',
  () => {
    const runs = ourRuns('plain');
    const [standard, lowFalsePositives] = best(runs);
    expect(standard).toBeGreaterThan(33);
    expect(lowFalsePositives).toBeGreaterThan(26.5);
    expect(nabAt(runs, scoreOfZ(3), NAB_PROFILES.standard).normalised).toBeLessThan(-200);
  },
);

/** The plain mode's score at a z. */
function scoreOfZ(z: number): number {
  const surprise = (z * z * Math.LOG10E) / 2 - Math.log10(2);
  return surprise / (1 + surprise);
}
