/**
 * Whether the model's forecasts come true, per intent: reliability of its bins.
 */
import { useMemo } from 'react';
import type { ModelQuality } from '../../../protocols/model-quality.ts';
import { Chart, type ChartOption } from '../components/chart.tsx';
import { formatCount, formatShare } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { type Colours, useColours } from '../components/theme.ts';
import { type ReliabilityPoint, reliabilityPoints } from './reliability.ts';
import { useModelQuality } from './use-model-quality.tsx';

type Intent = keyof ModelQuality['intents'];

const CHART_HEIGHT = 190;
const ON_THE_LINE = 'On the line, forecasts come true as often as they say.';

/** The panel of calibration. */
export function CalibrationPanel() {
  const { quality, notice } = useModelQuality();
  return (
    <Panel
      title="Model calibration"
      hint={
        quality === undefined
          ? 'Forecasts against what came.'
          : `Of ${quality.name}, version ${quality.version}. ${ON_THE_LINE}`
      }
      wide
    >
      {quality === undefined ? (
        notice
      ) : (
        <div className="calibrations">
          {(Object.keys(quality.intents) as Intent[]).map((intent) => (
            <Calibration key={intent} intent={intent} quality={quality.intents[intent]} />
          ))}
        </div>
      )}
    </Panel>
  );
}

interface CalibrationProps {
  readonly intent: Intent;
  readonly quality: ModelQuality['intents'][Intent];
}

function Calibration({ intent, quality }: CalibrationProps) {
  const colours = useColours();
  const points = useMemo(() => reliabilityPoints(quality), [quality]);
  const option = useMemo(() => reliabilityOption(points, colours), [points, colours]);
  const { forecasts, mean_forecast, rate, ece } = quality;
  return (
    <section aria-label={intent}>
      <h3>{intent}</h3>
      {points.length === 0 ? (
        <Notice
          kind="empty"
          title="Nothing known yet"
          text={
            intent === 'churn_risk'
              ? 'Whether somebody has left shows only weeks later.'
              : 'Figures appear as outcomes of forecasts become known.'
          }
        />
      ) : (
        <>
          <Chart
            option={option}
            height={CHART_HEIGHT}
            label={`Reliability of ${intent}: how often it came so, by what was forecast`}
            table={{
              columns: ['mean forecast', 'came so', 'forecasts'],
              rows: points.map((point) => [
                formatShare(point.forecast),
                formatShare(point.rate),
                formatCount(point.forecasts),
              ]),
            }}
          />
          <p className="soft">
            {formatCount(forecasts)} forecasts: {formatShare(mean_forecast)} forecast,{' '}
            {formatShare(rate)} came; mean distance {formatShare(ece, 2)}
          </p>
        </>
      )}
    </section>
  );
}

/** Room above the highest figure of the axes. */
const HEADROOM = 1.1;
const SIZES = { least: 5, most: 20 } as const;

/** Bins as points about the line of perfect forecasts, larger where more forecasts are. */
function reliabilityOption(points: readonly ReliabilityPoint[], colours: Colours): ChartOption {
  const highest = Math.max(...points.flatMap(({ forecast, rate }) => [forecast, rate]));
  const most = Math.min(1, Math.ceil(highest * HEADROOM * 10) / 10);
  const largest = Math.max(...points.map(({ forecasts }) => forecasts));
  const axis = { type: 'value' as const, min: 0, max: most, splitNumber: 4 };
  const share = { formatter: (value: number) => `${Math.round(value * 100)} %` };
  return {
    grid: { left: 8, right: 16, top: 10, bottom: 8 },
    tooltip: {
      trigger: 'item',
      formatter: (shown) => {
        const point = points[(shown as { dataIndex?: number }).dataIndex ?? -1];
        if (point === undefined) return '';
        const spread = `± ${formatShare(point.margin)}`;
        return (
          `forecast ${formatShare(point.forecast)}<br>came ${formatShare(point.rate)} ${spread}` +
          `<br>${formatCount(point.forecasts)} forecasts`
        );
      },
    },
    xAxis: { ...axis, axisLabel: share, splitLine: { show: false } },
    yAxis: { ...axis, axisLabel: share },
    series: [
      {
        type: 'line',
        data: [
          [0, 0],
          [most, most],
        ],
        showSymbol: false,
        silent: true,
        lineStyle: { color: colours['ink-faint'], type: 'dashed', width: 1 },
      },
      ...points.map(({ forecast, rate, margin }) => ({
        type: 'line' as const,
        data: [
          [forecast, Math.max(0, rate - margin)],
          [forecast, Math.min(most, rate + margin)],
        ],
        showSymbol: false,
        silent: true,
        lineStyle: { color: colours.accent, width: 1.5, opacity: 0.45 },
      })),
      {
        type: 'scatter',
        data: points.map(({ forecast, rate, forecasts }) => ({
          value: [forecast, rate],
          symbolSize: SIZES.least + (SIZES.most - SIZES.least) * Math.sqrt(forecasts / largest),
        })),
        itemStyle: { color: colours.accent, opacity: 0.85 },
        z: 5,
      },
    ],
  };
}
