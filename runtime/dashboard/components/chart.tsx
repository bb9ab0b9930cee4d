/**
 * A chart, drawn by ECharts in the page's colours, with its figures as a table for those who do
 * not see it.
 *
 * C1 Only what the page draws is bundled: a chart type that is missing here is registered here.
 * C2 Charts are for the eye alone (the canvas is hidden from assistive technology): `label` and
 *    `table` say the same in words.
 */
import { BarChart, GraphChart, LineChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
} from 'echarts/components';
import { type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import type { EChartsOption } from 'echarts/types/dist/echarts';
import { useEffect, useRef } from 'react';
import { chartTheme } from './chart-theme.ts';
import { useColours } from './theme.ts';

use([BarChart, GraphChart, LineChart, ScatterChart, CanvasRenderer]);
use([GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent]);

export type ChartOption = EChartsOption;

/** The figures of a chart in words: at most a few dozen rows, already formatted. */
export interface ChartTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface ChartProps {
  /** What changes is drawn; axes and colours come from the theme unless named. */
  readonly option: ChartOption;
  /** In px; the width is the panel's. */
  readonly height: number;
  /** What the chart shows, in a sentence. */
  readonly label: string;
  readonly table?: ChartTable;
}

/** Draws `option` and draws it anew as it, the theme or the width changes. */
export function Chart({ option, height, label, table }: ChartProps) {
  const colours = useColours();
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(null);
  const drawnIn = useRef(colours);

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = init(element, chartTheme(drawnIn.current), { renderer: 'canvas' });
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    if (colours === drawnIn.current) return;
    drawnIn.current = colours;
    chart.current?.setTheme(chartTheme(colours));
  }, [colours]);

  useEffect(() => {
    // Live figures move by themselves; easing each change would draw sixty times a second.
    const still = { ...option, animation: false };
    chart.current?.setOption(still, { replaceMerge: ['series'], lazyUpdate: true });
  }, [option]);

  return (
    <figure className="chart">
      <figcaption className="visually-hidden">{label}</figcaption>
      <div ref={place} className="chart-canvas" style={{ height }} aria-hidden="true" />
      {table === undefined ? null : <TableInWords label={label} table={table} />}
    </figure>
  );
}

function TableInWords({ label, table }: { readonly label: string; readonly table: ChartTable }) {
  return (
    <div className="visually-hidden">
      <table>
        <caption>{label}</caption>
        <thead>
          <tr>
            {table.columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row.join(' ')}>
              {row.map((cell, index) => (
                <td key={table.columns[index]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
