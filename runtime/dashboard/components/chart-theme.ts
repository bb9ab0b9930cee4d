/**
 * How every chart looks unless it says otherwise: quiet axes, no frames, one type, few lines.
 */
import type { Colours } from './theme.ts';

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/** An ECharts theme in the page's colours. */
export function chartTheme(colours: Colours): Record<string, unknown> {
  const label = { color: colours['ink-soft'], fontFamily: FONT, fontSize: 11 };
  const axis = {
    axisLine: { show: false, lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: { ...label, hideOverlap: true },
    splitLine: { lineStyle: { color: colours['line-soft'] } },
    splitArea: { show: false },
    nameTextStyle: label,
  };
  const bottomAxis = {
    ...axis,
    axisLine: { show: true, lineStyle: { color: colours.line } },
    splitLine: { show: false },
  };
  return {
    color: [1, 2, 3, 4, 5, 6, 7].map((index) => colours[`series-${index}` as 'series-1']),
    backgroundColor: 'transparent',
    textStyle: { fontFamily: FONT, color: colours.ink },
    grid: { left: 8, right: 12, top: 16, bottom: 8, outerBoundsMode: 'same' },
    legend: { textStyle: label, itemWidth: 12, itemHeight: 8, icon: 'roundRect', itemGap: 14 },
    tooltip: {
      backgroundColor: colours.surface,
      borderColor: colours.line,
      borderWidth: 1,
      padding: [8, 10],
      textStyle: { color: colours.ink, fontFamily: FONT, fontSize: 12 },
      extraCssText: 'box-shadow: var(--shadow); border-radius: 6px;',
      axisPointer: {
        lineStyle: { color: colours['ink-faint'], type: 'solid' },
        crossStyle: { color: colours['ink-faint'] },
        shadowStyle: { color: colours['line-soft'] },
        label: { show: false },
      },
      confine: true,
    },
    valueAxis: axis,
    logAxis: axis,
    categoryAxis: bottomAxis,
    timeAxis: bottomAxis,
  };
}
