/**
 * A published data set imported as events through NATS: the live figures are the exact ones.
 */
import { expect, test } from 'vitest';
import { attributionReportSchema } from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { countEvents, journeyMessages, readPathTable } from '../../runtime/cli/import-paths.ts';
import { ask } from '../../runtime/cli/session.ts';
import { publishInBulk } from '../../runtime/simulate/publish.ts';
import { startTestEngine, until } from '../engine-fixture.ts';
import { startTestServer } from '../nats-fixture.ts';
import { readCsv, sharedFile } from '../public-sets.ts';

const SET = 'channel-attribution-pathdata';
const pathData = sharedFile(`${SET}/PathData.csv`);

test.skipIf(pathData === undefined)(
  'PathData imported through NATS gives the exact transition counts and removal effects',
  async () => {
    await using server = await startTestServer();
    const nc = await server.connectAs('engine');
    await using engine = await startTestEngine(nc);
    const { rows, bad } = await readPathTable(pathData as string, '>');
    expect(bad).toEqual([]);
    const events = countEvents(rows);
    const startMs = Date.UTC(2026, 0, 5);
    await publishInBulk(nc, journeyMessages(rows, 'USD', startMs, 'journey'));
    const applied = () => (engine.worker?.figures.events ?? 0) >= events;
    await until('all events applied', applied, 200_000);
    const report = await until('the figures to arrive', async () => {
      const request = { transitions: true };
      const figures = await ask(nc, SERVICES.inspectAttribution, request, attributionReportSchema);
      return figures.paths === 88_387 && figures.conversions === 19_785 && figures;
    });

    const counts = new Map(
      report.transitions?.map(({ from, to, count }) => [`${from}>${to}`, count]),
    );
    const exactCounts = readCsv(sharedFile(`${SET}/exact-transitions-order1-null.csv`) as string);
    for (const { channel_from, channel_to, count } of exactCounts) {
      const transition = `${channel_from}>${channel_to}`;
      expect(counts.get(transition), transition).toBe(Number(count));
    }
    expect(counts.size).toBe(exactCounts.length);
    const exact = readCsv(sharedFile(`${SET}/exact-markov-order1-null.csv`) as string);
    expect(report.channels).toHaveLength(exact.length);
    for (const row of exact) {
      const live = report.channels.find(({ channel }) => channel === row.channel_name);
      const error = (found: number | undefined, expected: string | undefined) =>
        Math.abs((found ?? Number.NaN) - Number(expected));
      expect(error(live?.removal_effect, row.removal_effect_conversion)).toBeLessThan(1e-9);
      expect(error(live?.conversions, row.total_conversions)).toBeLessThan(1e-5);
    }
    expect(report.p_conversion).toBeCloseTo(19_785 / 88_387, 12);
  },
  300_000,
);
