/**
 * The headline figures: sums since the beginning, several times a second, with their rates.
 */
import type { LiveFrame, PulseFrame } from '../../../protocols/live-figures.ts';
import { Figure } from '../components/figure.tsx';
import { formatCount, formatMoney, formatRate, formatShare } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { useLive } from '../live/live-store.ts';
import { ratePerS } from '../live/pulse-rate.ts';

/** Below this share of what was sent, somebody should look. */
const LOW_FILL = 0.95;

/** One row where there is room, two columns on phones. */
export function Headline() {
  const pulse = useLive((state) => state.pulse);
  const trail = useLive((state) => state.pulseTrail);
  const frame = useLive((state) => state.frame);
  if (pulse === undefined && frame === undefined) {
    return (
      <section className="panel panel-wide" aria-label="Headline figures">
        <Notice kind="loading" title="Waiting for the first figures" />
      </section>
    );
  }
  return (
    <section className="panel panel-wide" aria-label="Headline figures">
      <dl className="figures headline">
        <MoneyFigures pulse={pulse} frame={frame} />
        <TrafficFigures pulse={pulse} frame={frame} trail={trail} />
      </dl>
    </section>
  );
}

interface FiguresProps {
  readonly pulse: PulseFrame | undefined;
  readonly frame: LiveFrame | undefined;
}

function MoneyFigures({ pulse, frame }: FiguresProps) {
  const currency = frame?.currency ?? 'EUR';
  const spent = pulse === undefined ? undefined : pulse.cost_micros + pulse.spend_micros;
  const perMinute = minuteOf(frame);
  const ofMinute = (text: string) => `${text} last minute`;
  return (
    <>
      <Figure
        label="Revenue"
        testId="figure-revenue"
        value={formatMoney(pulse?.value_micros, currency)}
        note={ofMinute(formatMoney(perMinute?.value, currency))}
      />
      <Figure
        label="Spend"
        testId="figure-cost"
        value={formatMoney(spent, currency)}
        note={ofMinute(formatMoney(perMinute?.spend, currency))}
      />
      <Figure
        label="ROAS"
        testId="figure-roas"
        value={formatRate(pulse?.roas)}
        note="revenue / spend"
      />
      <Figure
        label="Conversions"
        testId="figure-conversions"
        value={formatCount(pulse?.conversions)}
        note={ofMinute(formatCount(perMinute?.conversions))}
      />
    </>
  );
}

function TrafficFigures({
  pulse,
  frame,
  trail,
}: FiguresProps & { readonly trail: readonly PulseFrame[] }) {
  const rate = frame?.all.conversion_rate_hour ?? null;
  const fill = frame?.all.fill_rate_hour ?? null;
  return (
    <>
      <Figure
        label="Conversion rate, 1 h"
        testId="figure-conversion-rate"
        value={formatShare(rate?.estimate, 2)}
        note={rate === null ? 'no visits yet' : interval(rate)}
      />
      <Figure
        label="Events"
        testId="figure-events"
        value={formatCount(pulse?.events)}
        note={`${formatRate(ratePerS(trail, 'events'))} /s${expectedOf(frame)}`}
      />
      <Figure
        label="Fill rate, 1 h"
        testId="figure-fill-rate"
        value={formatShare(fill)}
        tone={fill !== null && fill < LOW_FILL ? 'warn' : 'plain'}
        note={`arrival ${formatShare(frame?.all.fill_by_arrival, 0)}`}
      />
      <Figure
        label="Decisions"
        testId="figure-decisions"
        value={formatCount(pulse?.decisions)}
        note={`${formatRate(ratePerS(trail, 'decisions'))} /s`}
      />
    </>
  );
}

function minuteOf(frame: LiveFrame | undefined) {
  if (frame === undefined) return undefined;
  const { minute } = frame.all;
  const campaigns = frame.campaigns.reduce((sum, each) => sum + each.spend_micros_minute, 0);
  return {
    value: minute.value_micros - minute.refunded_micros,
    spend: minute.cost_micros + campaigns,
    conversions: minute.conversions,
  };
}

function interval({ low, high }: { readonly low: number; readonly high: number }): string {
  return `95 %: ${formatShare(low, 1).replace(' %', '')}–${formatShare(high, 1)}`;
}

function expectedOf(frame: LiveFrame | undefined): string {
  const expected = frame?.all.expected_events_per_s ?? null;
  return expected === null ? '' : `, expected ${formatRate(expected)}`;
}
