/**
 * BG/NBD with its published parameters ranks the customers of CDNOW as its figures in the data
 * set's README say, to the last digit.
 */
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { expectedPurchases, purchaseSummary } from '../../runtime/train/bg-nbd.ts';
import { readCdnow } from '../../runtime/train/data/cdnow.ts';
import type { UserLog } from '../../runtime/train/data/user-log.ts';
import { averagePrecision, rocAuc } from '../../runtime/train/metrics.ts';
import { sharedFile } from '../public-sets.ts';

const FILE = sharedFile('cdnow/CDNOW_master.txt');
const LAST_DAY_MS = Date.UTC(1997, 8, 30);
const HOLDOUT_WEEKS = 39;

function figuresOf(logs: readonly UserLog[]) {
  const scores = logs.map((log) =>
    expectedPurchases(purchaseSummary(log, LAST_DAY_MS), HOLDOUT_WEEKS),
  );
  const from = Date.UTC(1997, 9, 1);
  const labels = logs.map(({ events }) =>
    Number(events.some(({ timestamp }) => timestamp >= from && timestamp < Date.UTC(1998, 6, 1))),
  );
  return {
    auc: rocAuc(scores, labels).toFixed(4),
    precision: averagePrecision(scores, labels).toFixed(4),
    expected: scores.reduce((sum, score) => sum + score, 0).toFixed(1),
  };
}

test.skipIf(FILE === undefined)('BG/NBD has its figures on the sample and on the master', () => {
  const { master, sampleUsers } = readCdnow(dirname(dirname(FILE as string)));
  const sample = new Set(sampleUsers);
  expect(figuresOf(master.filter(({ user }) => sample.has(user)))).toMatchObject({
    auc: '0.7725',
    precision: '0.6418',
  });
  expect(figuresOf(master)).toMatchObject({ auc: '0.7623', precision: '0.6473' });
});
