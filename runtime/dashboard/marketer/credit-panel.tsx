/**
 * What each channel is credited with, by every attribution model side by side.
 */
import { useMemo, useState } from 'react';
import type { AttributionReport } from '../../../protocols/services.ts';
import { AskedBody } from '../components/asked-body.tsx';
import { Chart, type ChartOption } from '../components/chart.tsx';
import { formatCount, formatMoney, formatRate } from '../components/format.ts';
import { spokenName } from '../components/names.ts';
import { useIsNarrow } from '../components/narrow.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { Segments } from '../components/segments.tsx';
import { type Column, DataTable } from '../components/sortable-table.tsx';
import type { Asked } from '../live/ask.ts';
import { useLive } from '../live/live-store.ts';
import {
  CREDIT_MODELS,
  type CreditModel,
  type CreditRow,
  creditRows,
  type Measure,
  MODEL_NAMES,
} from './credit.ts';

/** Channels drawn; the table has them all. */
const MAX_DRAWN_CHANNELS = 12;
const WIDE_HEIGHT = 280;
const NARROW_ROW_HEIGHT = 76;

const MEASURES = [
  { value: 'conversions', label: 'Conversions' },
  { value: 'value', label: 'Value' },
] as const;

/** Bars by channel and model, and all figures as a table. */
export function CreditPanel({ asked }: { readonly asked: Asked<AttributionReport> }) {
  const live = useLive((state) => state.attribution);
  const report = live ?? asked.value;
  const [measure, setMeasure] = useState<Measure>('conversions');
  const rows = useMemo(
    () => (report === undefined ? [] : creditRows(report, measure)),
    [report, measure],
  );
  return (
    <Panel
      title="Credit per channel"
      hint={
        'Every model divides the same conversions. Markov asks how many would be lost without ' +
        'the channel; the rules divide each path by position.'
      }
      actions={
        <Segments<Measure>
          label="Credit in"
          options={MEASURES}
          value={measure}
          onChange={setMeasure}
        />
      }
      wide={true}
    >
      {report === undefined ? (
        <AskedBody what="attribution" asked={asked}>
          {() => null}
        </AskedBody>
      ) : rows.length === 0 ? (
        <Notice
          kind="empty"
          title="No channel has been touched yet"
          text="Impressions and clicks name a channel, or one is derived from their address."
        />
      ) : (
        <div className="stack">
          <CreditChart rows={rows} measure={measure} currency={report.currency} />
          <CreditTable rows={rows} measure={measure} currency={report.currency} />
        </div>
      )}
    </Panel>
  );
}

interface CreditProps {
  readonly rows: readonly CreditRow[];
  readonly measure: Measure;
  readonly currency: string;
}

function CreditChart({ rows, measure, currency }: CreditProps) {
  const isNarrow = useIsNarrow();
  const drawn = useMemo(() => rows.slice(0, MAX_DRAWN_CHANNELS), [rows]);
  const option = useMemo(
    () => creditOption({ rows: drawn, measure, currency }, isNarrow),
    [drawn, measure, currency, isNarrow],
  );
  const height = isNarrow ? 60 + NARROW_ROW_HEIGHT * drawn.length : WIDE_HEIGHT;
  const what = measure === 'value' ? `value in ${currency}` : 'conversions';
  return (
    <Chart
      key={String(isNarrow)}
      option={option}
      height={height}
      label={`Credit per channel by attribution model, ${what}; the table below has the figures`}
    />
  );
}

function creditOption({ rows, measure, currency }: CreditProps, isNarrow: boolean): ChartOption {
  const shown = (figure: unknown) => formatCredit(Number(figure), measure, currency);
  const unit = measure === 'value' ? 1_000_000 : 1;
  const channels = {
    type: 'category' as const,
    data: rows.map((row) => spokenName(row.channel)),
    inverse: isNarrow,
    axisLabel: { interval: 0, hideOverlap: false, width: 92, overflow: 'truncate' as const },
  };
  const figures = {
    type: 'value' as const,
    splitNumber: 4,
    axisLabel: { formatter: (value: number) => formatCount(value, true) },
  };
  return {
    tooltip: {
      trigger: 'axis',
      axisPointer: { type: 'shadow' },
      valueFormatter: (value) => shown(Number(value) * unit),
    },
    legend: { top: 0, left: 0 },
    grid: { top: isNarrow ? 58 : 40, left: 4, right: 8, bottom: 4 },
    xAxis: isNarrow ? figures : channels,
    yAxis: isNarrow ? channels : figures,
    series: CREDIT_MODELS.map((model) => ({
      type: 'bar' as const,
      name: MODEL_NAMES[model],
      barGap: '15%',
      barCategoryGap: '28%',
      data: rows.map((row) => row.credit[model] / unit),
    })),
  };
}

function CreditTable({ rows, measure, currency }: CreditProps) {
  const columns: readonly Column<CreditRow>[] = [
    {
      key: 'channel',
      header: 'Channel',
      cell: (row) => <strong>{spokenName(row.channel)}</strong>,
      sortBy: (row) => row.channel,
    },
    ...CREDIT_MODELS.map((model) => creditColumn(model, measure, currency)),
    {
      key: 'cost',
      header: 'Cost',
      align: 'right',
      cell: (row) => formatMoney(row.costMicros, currency),
      sortBy: (row) => row.costMicros,
    },
    {
      key: 'roas',
      header: 'ROAS',
      align: 'right',
      cell: (row) => (row.roas === null ? 'no cost' : formatRate(row.roas)),
      sortBy: (row) => row.roas,
    },
  ];
  return (
    <DataTable
      label="Credit per channel by model, with cost and ROAS by Markov value"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.channel}
      sortedBy={{ key: 'markov', direction: 'descending' }}
      maxHeight={420}
    />
  );
}

function creditColumn(model: CreditModel, measure: Measure, currency: string): Column<CreditRow> {
  return {
    key: model,
    header: MODEL_NAMES[model],
    align: 'right',
    cell: (row) => formatCredit(row.credit[model], measure, currency),
    sortBy: (row) => row.credit[model],
  };
}

function formatCredit(figure: number, measure: Measure, currency: string): string {
  return measure === 'value' ? formatMoney(figure, currency) : formatRate(figure);
}
