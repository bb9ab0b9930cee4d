/**
 * No leakage over the real data sets: nobody is trained and tested on, and whatever came after the
 * split changes nothing that is trained on; and the same data give the same model to the bit.
 */
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { UserLog } from '../../runtime/train/data/user-log.ts';
import { fitModel } from '../../runtime/train/fit-model.ts';
import { modelText } from '../../runtime/train/model-file.ts';
import type { Point } from '../../runtime/train/prediction-points.ts';
import {
  chanceOf,
  ORDER_SOURCES,
  orderTraining,
  readTrainingSets,
  splitOf,
  VISIT_SOURCES,
  visitTraining,
} from '../../runtime/train/training-sets.ts';
import { sharedFile } from '../public-sets.ts';

const FILES = [
  'rees46-oct2019/2019-Oct-head.csv.gz',
  'diginetica-sample/sample_train-item-views.csv',
  'retailrocket-sample/sample_events.csv',
  'cdnow/CDNOW_master.txt',
  'online-retail/online-retail.csv.gz',
  'yoochoose-100k/yoochoose-clicks-100k_test.txt',
].map(sharedFile);
const isHere = FILES.every((file) => file !== undefined);
const FOLDER = isHere ? dirname(dirname(FILES[0] as string)) : '';

/** Logs with nothing from a time on; who has nothing left is gone. */
function before(logs: readonly UserLog[], ms: number): UserLog[] {
  return logs
    .map(({ user, events }) => ({ user, events: events.filter((e) => e.timestamp < ms) }))
    .filter(({ events }) => events.length > 0);
}

describe.skipIf(!isHere)('the public data sets', () => {
  test('nobody is trained and tested on, and every set has points of both', {
    timeout: 90_000,
  }, () => {
    for (const { name, train, test: tested } of readTrainingSets(FOLDER)) {
      const trained = new Set(train.map(({ user }) => user));
      expect(train.length, name).toBeGreaterThan(1_000);
      expect(tested.length, name).toBeGreaterThan(1_000);
      expect(
        tested.filter(({ user }) => trained.has(user)),
        name,
      ).toEqual([]);
    }
  });

  test.each(VISIT_SOURCES)(
    '$name: what comes after the split changes no training point and no label',
    { timeout: 60_000 },
    (source) => {
      const logs = source.read(FOLDER);
      const splitMs = splitOf(logs);
      const whole = visitTraining(source, logs, splitMs);
      const early = new Set(whole.map(({ user }) => user));
      // A visit that goes on at the split is told by what follows, and is not trained on: its
      // first part alone would pass for a whole one.
      const known = before(logs, splitMs).filter(({ user }) => early.has(user));
      const goesOn = new Set(
        logs.flatMap(({ events }) =>
          events.flatMap((e) => (e.timestamp >= splitMs ? (e.session_id ?? []) : [])),
        ),
      );
      const over = known.map(({ user, events }) => ({
        user,
        events: events.filter((e) => e.session_id === undefined || !goesOn.has(e.session_id)),
      }));
      expect(visitTraining(source, over, splitMs)).toEqual(whole);
    },
  );

  test.each(ORDER_SOURCES)(
    '$name: what comes after the split changes no training point and no label',
    { timeout: 60_000 },
    (source) => {
      const logs = source.read(FOLDER).logs.filter(({ user }) => chanceOf(`some ${user}`) < 0.2);
      const cut = before(logs, source.testedAt);
      const gone = new Set(cut.map(({ user }) => user));
      const whole = orderTraining(
        source,
        logs.filter(({ user }) => gone.has(user)),
      );
      expect(whole.length).toBeGreaterThan(500);
      expect(orderTraining(source, cut)).toEqual(whole);
    },
  );

  test('the same points give the same model file, whatever was fitted before', {
    timeout: 60_000,
  }, () => {
    const [first, second] = VISIT_SOURCES.slice(0, 2).map((source) => {
      const logs = source.read(FOLDER).slice(0, 400);
      return visitTraining(source, logs, splitOf(logs));
    }) as [Point[], Point[]];
    const options = { version: 1, name: 'reduced', prior: 1 };
    const text = modelText(fitModel([...first, ...second], options).model);
    fitModel(second, options);
    expect(modelText(fitModel([...first, ...second], options).model)).toBe(text);
  });
});
