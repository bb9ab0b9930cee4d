/**
 * A published data set imported as events through NATS: the live figures are the exact ones.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { namedTransitions } from '../../actors/channel/live-attribution.ts';
import { markovChain } from '../../actors/channel/markov-chain.ts';
import { PathTable } from '../../actors/channel/path-table.ts';
import { attributeMarkov } from '../../actors/channel/removal-effects.ts';
import { RULE_MODELS } from '../../actors/channel/rule-models.ts';
import { type AttributionReport, attributionReportSchema } from '../../protocols/services.ts';
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
    const exactCounts = readCsv(sharedFile(`${SET}/exact-transitions-order1-null.csv`) as string);
    const transitions = exactCounts.reduce((sum, { count }) => sum + Number(count), 0);
    const report = await until('the figures to arrive', async () => {
      const request = { transitions: true };
      const figures = await ask(nc, SERVICES.inspectAttribution, request, attributionReportSchema);
      // Every touch is a transition: all conversions may be there while a path still grows.
      const counted = (figures.transitions ?? []).reduce((sum, { count }) => sum + count, 0);
      return figures.conversions === 19_785 && counted === transitions && figures;
    });
    expect(report.paths).toBe(88_387);

    const counts = new Map(
      report.transitions?.map(({ from, to, count }) => [`${from}>${to}`, count]),
    );
    for (const { channel_from, channel_to, count } of exactCounts) {
      const transition = `${channel_from}>${channel_to}`;
      expect(counts.get(transition), transition).toBe(Number(count));
    }
    expect(counts.size).toBe(exactCounts.length);
    for (const order of [1, 2, 3]) {
      const request = { order, intervals: true, choose_order: true };
      const live = await ask(nc, SERVICES.inspectAttribution, request, attributionReportSchema);
      const exact = readCsv(sharedFile(`${SET}/exact-markov-order${order}-null.csv`) as string);
      expect(live.channels).toHaveLength(exact.length);
      for (const row of exact) {
        const ours = live.channels.find(({ channel }) => channel === row.channel_name);
        const error = (found: number | undefined, expected: string | undefined) =>
          Math.abs((found ?? Number.NaN) - Number(expected));
        expect(error(ours?.removal_effect, row.removal_effect_conversion)).toBeLessThan(1e-9);
        expect(error(ours?.conversions, row.total_conversions)).toBeLessThan(1e-5);
      }
      expect(live.order_choice?.suggested).toBe(4);
      expectConserved(live);
    }
    await expectOfflineEqual(nc, report);
    expect(report.p_conversion).toBeCloseTo(19_785 / 88_387, 12);
  },
  300_000,
);

/** Every model credits exactly what was converted, to the micro. */
function expectConserved({ channels, conversions, value_micros }: AttributionReport): void {
  const sum = (of: (channel: (typeof channels)[number]) => number): number =>
    channels.reduce((total, channel) => total + of(channel), 0);
  expect(sum((channel) => channel.value_micros)).toBe(value_micros);
  for (const model of RULE_MODELS) {
    expect(
      sum(({ models }) => models[model]?.value_micros ?? 0),
      model,
    ).toBe(value_micros);
    expect(sum(({ models }) => models[model]?.conversions ?? 0)).toBeCloseTo(conversions, 6);
  }
}

/** The file read offline gives the very counts of the live engine, and its removal effects. */
async function expectOfflineEqual(nc: NatsConnection, live: AttributionReport): Promise<void> {
  const { rows } = await readPathTable(pathData as string, '>');
  const table = new PathTable();
  for (const { channels, conversions, nulls, value } of rows) {
    table.add(table.encode(channels), conversions, nulls, value);
  }
  for (const order of [1, 2, 3, 4]) {
    const request = { order, transitions: true };
    const report = await ask(nc, SERVICES.inspectAttribution, request, attributionReportSchema);
    const chain = markovChain(table.rows(), order);
    expect(report.states).toBe(chain.states.length);
    for (const { channel, removalEffect } of attributeMarkov(chain, table.channels).channels) {
      const ours = report.channels.find((each) => each.channel === channel);
      expect(ours?.removal_effect).toBeCloseTo(removalEffect, 13);
    }
  }
  const offline = namedTransitions(markovChain(table.rows(), 1), table.channels);
  expect(live.transitions).toEqual(offline);
}
