/**
 * The public data sets as prediction points, split by user and by time: who is tested was never
 * trained on, and is tested on a later stretch of time.
 */
import { hash64 } from '../../actors/hash.ts';
import { MODALITIES, type Modality } from '../../protocols/user-snapshot.ts';
import { readCdnow } from './data/cdnow.ts';
import { readDiginetica } from './data/diginetica.ts';
import { readOnlineRetail } from './data/online-retail.ts';
import { readRees46 } from './data/rees46.ts';
import { readRetailRocket } from './data/retailrocket.ts';
import type { UserLog } from './data/user-log.ts';
import { readYoochoose } from './data/yoochoose.ts';
import {
  type DataSetTraits,
  orderPoints,
  type Point,
  type VisitTraits,
  visitPoints,
} from './prediction-points.ts';
import { troubledLogs } from './taught-trouble.ts';

/** The points of one data set. */
export interface TrainingSet {
  readonly name: string;
  /** What is trained on, labels included, is before this; what is tested on is not. */
  readonly splitMs: number;
  readonly train: readonly Point[];
  readonly test: readonly Point[];
  /** Every point, for the protocol of a published figure that splits by user only. */
  readonly all: readonly Point[];
}

/** A data set of visits. */
interface VisitSource {
  readonly name: string;
  readonly read: (folder: string) => UserLog[];
  readonly traits: VisitTraits;
}

/** A data set of orders, looked at as of given days; those trained on end before the tested one. */
interface OrderSource {
  readonly name: string;
  readonly read: (folder: string) => {
    logs: readonly UserLog[];
    alwaysTested: ReadonlySet<string>;
  };
  readonly endMs: number;
  readonly trainedAt: readonly number[];
  readonly testedAt: number;
}

/** Visits that begin before this share of all visits are trained on. */
const TRAIN_SHARE = 0.6;
/** Of the larger logs so many users are enough. */
const MAX_TRAINING_USERS = 6_000;
/** YooChoose was prepared without sessions of one click. */
const CLICKS_MIN = 2;
const MAX_TAUGHT_USERS = 2_000;
/** One user in three is folded a second time as one who withholds modalities. */
const WITHHOLDING_SHARE = 0.33;
const WITHHELD_CHANCE = 0.35;

const CLICK_TRAITS: VisitTraits = {
  unmeasured: ['purchase', 'churn', 'zero_party'],
  endMs: Number.POSITIVE_INFINITY,
  hasOrders: false,
  hasReturns: false,
  hasPrices: false,
  visitEventsMin: CLICKS_MIN,
};

/** A number in [0, 1) that a text always gives. */
export function chanceOf(text: string): number {
  return Number.parseInt(hash64(text).slice(0, 8), 16) / 2 ** 32;
}

const utc = (text: string): number => Date.parse(`${text}T00:00:00Z`);

export const VISIT_SOURCES: readonly VisitSource[] = [
  {
    name: 'rees46',
    read: readRees46,
    traits: {
      unmeasured: ['churn', 'zero_party'],
      endMs: Date.UTC(2019, 9, 1, 2, 50),
      hasOrders: true,
      hasReturns: false,
      hasPrices: true,
    },
  },
  {
    name: 'diginetica',
    read: readDiginetica,
    traits: {
      unmeasured: ['purchase', 'churn', 'zero_party'],
      endMs: utc('2016-06-01'),
      hasOrders: true,
      hasReturns: false,
      hasPrices: false,
    },
  },
  {
    name: 'retailrocket',
    read: readRetailRocket,
    traits: {
      unmeasured: ['churn', 'zero_party'],
      endMs: utc('2015-09-18'),
      hasOrders: true,
      hasReturns: true,
      hasPrices: false,
    },
  },
];

export const ORDER_SOURCES: readonly OrderSource[] = [
  {
    name: 'cdnow',
    read: (folder) => {
      const { master, sampleUsers } = readCdnow(folder);
      return { logs: master, alwaysTested: new Set(sampleUsers) };
    },
    endMs: utc('1998-07-01'),
    trainedAt: ['1997-05-01', '1997-06-01', '1997-07-01'].map(utc),
    testedAt: utc('1997-10-01'),
  },
  {
    name: 'online-retail',
    read: (folder) => ({
      logs: readOnlineRetail(folder).filter(hasOrder),
      alwaysTested: new Set(),
    }),
    endMs: utc('2011-12-10'),
    trainedAt: ['2011-04-10', '2011-05-10', '2011-06-10'].map(utc),
    testedAt: utc('2011-09-10'),
  },
];

/**
 * Reads all data sets; about 10 seconds.
 *
 * @param folder the folder that holds them.
 * @throws FileProblem if one is not there or not as expected.
 */
export function readTrainingSets(folder: string): TrainingSet[] {
  const { train, test } = readYoochoose(folder);
  return [
    ...VISIT_SOURCES.map((source) => visitSet(source, source.read(folder))),
    {
      name: 'yoochoose',
      splitMs: Math.min(...test.flatMap(({ events }) => events.map((e) => e.timestamp))),
      train: clickPoints('yoochoose', some(train), true),
      test: clickPoints('yoochoose', test, false),
      all: [],
    },
    ...ORDER_SOURCES.map((source) => {
      const { logs, alwaysTested } = source.read(folder);
      const isTested = ({ user }: UserLog): boolean =>
        alwaysTested.has(user) || chanceOf(`${source.name} ${user}`) < 0.5;
      return {
        name: source.name,
        splitMs: source.testedAt,
        train: orderTraining(source, some(logs.filter((log) => !isTested(log)))),
        test: orderTest(source, logs.filter(isTested)),
        all: [],
      };
    }),
  ];
}

/** Training points with telemetry that was put in, so that frustration is taught what it means. */
export function taughtPoints(folder: string): Point[] {
  const logs = some(readYoochoose(folder).train).slice(0, MAX_TAUGHT_USERS);
  // The only one with churn signals, which are what was put in.
  const traits = {
    ...CLICK_TRAITS,
    name: 'taught',
    unmeasured: ['purchase', 'zero_party'] as const,
  };
  return troubledLogs(logs).flatMap((log) => visitPoints(log, traits));
}

/** Visits, split at the moment when TRAIN_SHARE of the people have begun. */
function visitSet(source: VisitSource, logs: readonly UserLog[]): TrainingSet {
  const splitMs = splitOf(logs);
  const full = { name: source.name, ...source.traits };
  return {
    name: source.name,
    splitMs,
    train: visitTraining(source, logs, splitMs),
    test: splitVisits(logs, splitMs).tested.flatMap((log) => visitPoints(log, full)),
    all: logs.flatMap((log) => visitPoints(log, full)),
  };
}

/** When TRAIN_SHARE of the people have begun. */
export function splitOf(logs: readonly UserLog[]): number {
  const starts = logs.flatMap(({ events }) => events[0]?.timestamp ?? []).sort((a, b) => a - b);
  return starts[Math.floor(TRAIN_SHARE * starts.length)] as number;
}

/** Who begins after the split is tested; of the others, what was over before it is trained on. */
export function splitVisits(
  logs: readonly UserLog[],
  splitMs: number,
): { readonly trained: UserLog[]; readonly tested: UserLog[] } {
  const isLate = ({ events }: UserLog): boolean => (events[0]?.timestamp ?? 0) >= splitMs;
  const early = logs.filter((log) => !isLate(log));
  return { trained: early.map((log) => overBefore(log, splitMs)), tested: logs.filter(isLate) };
}

/** The training points of visits that were over before a time. */
export function visitTraining(
  { name, traits }: VisitSource,
  logs: readonly UserLog[],
  splitMs: number,
): Point[] {
  const seen = { name, ...traits, endMs: Math.min(traits.endMs, splitMs) };
  const { trained } = splitVisits(logs, splitMs);
  return trained.flatMap((log) => withCopies(log, (l, w) => visitPoints(l, seen, w)));
}

/** What of a person was over at a time: no part of a visit that went on. */
function overBefore({ user, events }: UserLog, atMs: number): UserLog {
  const goesOn = new Set<string | undefined>();
  for (const event of events) if (event.timestamp >= atMs) goesOn.add(event.session_id);
  goesOn.delete(undefined);
  const over = events.filter((each) => each.timestamp < atMs && !goesOn.has(each.session_id));
  return { user, events: over };
}

function clickPoints(name: string, logs: readonly UserLog[], isTraining: boolean): Point[] {
  const traits = { name, ...CLICK_TRAITS };
  return logs.flatMap((log) =>
    isTraining ? withCopies(log, (l, w) => visitPoints(l, traits, w)) : visitPoints(log, traits),
  );
}

/** The training points of order histories, of which nothing after the split is known. */
export function orderTraining(source: OrderSource, logs: readonly UserLog[]): Point[] {
  const seen = orderTraits(source, source.testedAt);
  return logs.flatMap((log) =>
    withCopies(log, (l, w) => orderPoints(l, seen, source.trainedAt, w)),
  );
}

function orderTest(source: OrderSource, logs: readonly UserLog[]): Point[] {
  const traits = orderTraits(source, source.endMs);
  return logs.flatMap((log) => orderPoints(log, traits, [source.testedAt]));
}

function orderTraits({ name }: OrderSource, endMs: number): DataSetTraits {
  return {
    name,
    unmeasured: ['app', 'engagement', 'churn', 'zero_party'],
    endMs,
    hasOrders: true,
    hasReturns: true,
    hasPrices: false,
  };
}

/** A person's points, and for some those of a twin who withholds modalities. */
function withCopies(
  log: UserLog,
  pointsOf: (log: UserLog, withheld: readonly Modality[]) => Point[],
): Point[] {
  const points = pointsOf(log, []);
  if (chanceOf(`withholds ${log.user}`) >= WITHHOLDING_SHARE) return points;
  const withheld = MODALITIES.filter((m) => chanceOf(`${m} ${log.user}`) < WITHHELD_CHANCE);
  return withheld.length === 0 ? points : points.concat(pointsOf(log, withheld));
}

/** The same users at every run, at most MAX_TRAINING_USERS. */
function some(logs: readonly UserLog[]): UserLog[] {
  const share = MAX_TRAINING_USERS / logs.length;
  return logs.filter(({ user }) => chanceOf(`trained ${user}`) < share);
}

function hasOrder({ events }: UserLog): boolean {
  return events.some(({ type }) => type === 'conversion');
}
