/**
 * `microtarget import`: the journeys of an aggregated path table, published as events through NATS.
 * Each row `path,total_conversions,total_conversion_value,total_null` stands for as many journeys
 * as it has conversions and nulls; every journey is a user of its own.
 */
import type { Event } from '../../protocols/event.ts';
import { FileProblem } from '../attribution-file/csv-file.ts';
import type { PathFigures } from '../attribution-file/path-rows.ts';
import { readPathRows } from '../attribution-file/read-file.ts';
import type { RejectedRow } from '../attribution-file/rejections.ts';
import type { StoreMessage } from '../ports.ts';
import { systemClock } from '../ports.ts';
import { ingestMessage, publishInBulk } from '../simulate/publish.ts';
import { randomUuid, seededRandom } from '../simulate/random.ts';
import { integer, printJson, printLine, progress } from './print.ts';
import { CommandFailed, connectAs } from './session.ts';

const COLUMNS = ['path', 'total_conversions', 'total_conversion_value', 'total_null'] as const;
const TOUCH_EVERY_MS = 1_000;

/** A row of a path table. */
export type PathRow = PathFigures;

/** Reads a path table that has all four columns; bad rows are listed, never dropped silently. */
export async function readPathTable(
  file: string,
  separator: string,
): Promise<{ readonly rows: readonly PathRow[]; readonly bad: readonly RejectedRow[] }> {
  try {
    const { columns, paths, rejections } = await readPathRows(file, separator);
    const missing = COLUMNS.filter((column) => columns.cell(column) === undefined);
    if (missing.length > 0) {
      throw new FileProblem(
        `${file}: expected columns ${COLUMNS.join(', ')}; missing ${missing.join(', ')}`,
      );
    }
    return { rows: paths, bad: rejections.listed };
  } catch (error) {
    if (error instanceof FileProblem) throw new CommandFailed(error.message, { cause: error });
    throw error;
  }
}

/** The events of all journeys of a table, in time order per journey, as messages of the log. */
export function* journeyMessages(
  rows: readonly PathRow[],
  currency: string,
  startMs: number,
  prefix: string,
): Generator<StoreMessage> {
  const random = seededRandom(1);
  let journey = 0;
  for (const { channels, conversions, nulls, value } of rows) {
    for (let i = 0; i < conversions + nulls; i++) {
      const user = `${prefix}-${journey++}`;
      let index = 0;
      const common = () => ({
        event_id: randomUuid(random),
        session_index: index,
        timestamp: startMs + index++ * TOUCH_EVERY_MS,
        user_mode: 'anonymous' as const,
      });
      for (const channel of channels) {
        yield ingestMessage({ user, event: { ...common(), type: 'click', channel } });
      }
      if (i >= conversions) continue;
      const order_id = `${user}-order`;
      const conversion: Event = {
        ...common(),
        type: 'conversion',
        value: value / conversions,
        currency,
        order_id,
      };
      yield ingestMessage({ user, event: conversion });
    }
  }
}

/** How many events the journeys of a table make. */
export function countEvents(rows: readonly PathRow[]): number {
  return rows.reduce(
    (sum, { channels, conversions, nulls }) =>
      sum + channels.length * (conversions + nulls) + conversions,
    0,
  );
}

/** Imports a file into the running engine. */
export async function importPathsCommand(
  file: string,
  options: { separator: string; json?: boolean },
): Promise<void> {
  const { rows, bad } = await readPathTable(file, options.separator);
  const nc = await connectAs('engine', 'import');
  try {
    const total = countEvents(rows);
    const bar = progress('importing', total);
    // All journeys end before now, and begin together so that they share a cohort.
    const longest = rows.reduce((max, { channels }) => Math.max(max, channels.length), 0);
    const startMs = systemClock.nowMs() - (longest + 2) * TOUCH_EVERY_MS;
    const prefix = `import-${startMs.toString(36)}`;
    const messages = journeyMessages(rows, 'USD', startMs, prefix);
    const events = await publishInBulk(nc, messages, (done) => bar.update(done));
    bar.stop();
    if (options.json === true) printJson({ rows: rows.length, rejected: bad, events });
    else {
      printLine(`${integer(rows.length)} rows, ${integer(events)} events stored`);
      for (const { line, reason } of bad) printLine(`  line ${line}: ${reason}`);
    }
    if (bad.length > 0) process.exitCode = 1;
  } finally {
    await nc.close();
  }
}
