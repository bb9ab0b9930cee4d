/**
 * Faults planted in a store that the actors have filled rightly: the audit names each one.
 */
import { describe, expect, test } from 'vitest';
import type { CalibrationCell, SuppressedCell } from '../../protocols/cells.ts';
import type { Explanation } from '../../protocols/explanation.ts';
import type { UserToken } from '../../protocols/ids.ts';
import { LOOK_NUMBERS } from '../../protocols/looks.ts';
import type { PathJournalEntry } from '../../protocols/path-journal.ts';
import { decodeUser, encodeUser, type StoredUser } from '../../protocols/user-record.ts';
import {
  EVIDENCE_KINDS,
  type EvidenceKind,
  type FusedState,
  SCALE_MS,
  type TrialEntry,
} from '../../protocols/user-snapshot.ts';
import { ActorsRun, auditOf, journeysOf, NOW_MS } from '../actors-run.ts';
import { withLogTimes } from '../journeys.ts';

const SEED = Number(process.env.AUDIT_SEED ?? 1);

type Json = Record<string, unknown>;
type State = StoredUser['state'];

/** A fault in one stored user of whom it can be told. */
interface UserFault {
  readonly what: string;
  readonly fits?: (state: State) => boolean;
  readonly change: (state: State) => Partial<State>;
  readonly names: string;
}

const isKept = ({ counted, consent }: State): boolean =>
  counted > 1 && consent.withheld.length === 0;
const withNumber = (numbers: readonly number[], at: number, more: number): number[] =>
  numbers.map((number, i) => (i === at ? number + more : number));

/** Where the sum of a kind at a scale is stored. */
const cellOf = (kind: EvidenceKind, scale: number): number =>
  EVIDENCE_KINDS.indexOf(kind) * SCALE_MS.length + scale;

const USER_FAULTS: readonly UserFault[] = [
  {
    what: 'a look is missing',
    fits: ({ looks }) => looks.length > LOOK_NUMBERS,
    change: ({ looks }) => ({ looks: looks.slice(LOOK_NUMBERS) }),
    names: 'state looks',
  },
  {
    what: 'a look is at another item',
    fits: ({ looks }) => looks.length > 0,
    change: ({ looks }) => ({ looks: withNumber(looks, 1, -1) }),
    names: 'state looks [0] item',
  },
  {
    what: 'a look has another price',
    fits: ({ looks }) => looks.length > 0,
    change: ({ looks }) => ({ looks: withNumber(looks, 3, 7) }),
    names: 'state looks [0] micros',
  },
  {
    what: 'an order is not counted',
    fits: ({ purchases }) => purchases.count > 1,
    change: ({ purchases }) => ({ purchases: { ...purchases, count: purchases.count - 1 } }),
    names: 'state purchases count',
  },
  {
    what: 'the value of orders is off by a micro',
    fits: ({ purchases }) => purchases.count > 0,
    change: ({ purchases }) => ({ purchases: { ...purchases, micros: purchases.micros + 1 } }),
    names: 'state purchases micros',
  },
  {
    what: 'the habit is off',
    fits: isKept,
    change: ({ habit: [cosine, sine] }) => ({ habit: [cosine, sine + 1e-6] }),
    names: 'state habit [1]',
  },
  {
    what: 'a user is signed in who is not, or the other way about',
    fits: isKept,
    change: ({ signedIn }) => ({ signedIn: !signedIn }),
    names: 'state signedIn',
  },
  {
    what: 'the event before the last came at another time',
    fits: isKept,
    change: ({ previousMs }) => ({ previousMs: previousMs - 1 }),
    names: 'state previousMs',
  },
  {
    what: 'an event more counts',
    fits: isKept,
    change: ({ counted }) => ({ counted: counted + 1 }),
    names: 'state counted',
  },
  {
    what: 'the evidence of the looks is off',
    fits: isKept,
    change: ({ evidence }) => ({ evidence: withNumber(evidence, cellOf('look', 3), 1e-6) }),
    names: `state evidence [${cellOf('look', 3)}]`,
  },
  {
    what: 'there is evidence of a modality that is withheld',
    fits: ({ counted, consent }) => counted > 0 && consent.withheld.includes('purchase'),
    change: ({ evidence }) => ({ evidence: withNumber(evidence, cellOf('step', 0), 1e-6) }),
    names: `state evidence [${cellOf('step', 0)}]`,
  },
  {
    what: 'the fused state is off',
    fits: isKept,
    change: ({ fusion }) => ({ fusion: withNumber(fusion, 0, fusion[0] === 0 ? 1e-6 : -1e-6) }),
    names: 'state fusion [0]',
  },
  {
    what: 'a forecast waits at another place of the visit',
    fits: ({ forecasts }) => forecasts !== null,
    change: ({ forecasts }) => ({
      forecasts: forecasts && { ...forecasts, place: forecasts.place + 1 },
    }),
    names: 'state forecasts place',
  },
  {
    what: 'it is forgotten that a modality is withheld',
    fits: ({ consent }) => consent.withheld.length > 0,
    change: ({ consent }) => ({ consent: { ...consent, withheld: [] } }),
    names: 'state consent withheld',
  },
  {
    what: 'a mention of a topic is not counted',
    fits: ({ interests }) => Object.values(interests).some(({ declared }) => !declared),
    change: ({ interests }) => ({
      interests: Object.fromEntries(
        Object.entries(interests).map(([topic, each]) => [
          topic,
          each.declared ? each : { ...each, weight: each.weight * (1 - 1e-6) },
        ]),
      ),
    }),
    names: 'state interests',
  },
  {
    what: 'a user’s clock is in another zone',
    fits: ({ timeZone }) => timeZone !== null,
    change: ({ timeZone }) => ({ timeZone: timeZone && { ...timeZone, name: 'Asia/Tokyo' } }),
    names: 'state timeZone name',
  },
  {
    what: 'a win is forgotten',
    fits: ({ exposures }) => exposures.length > 0,
    change: ({ exposures }) => ({ exposures: exposures.slice(1) }),
    names: 'state exposures',
  },
  {
    what: 'an outcome of a win is not known',
    fits: ({ exposures }) => exposures.some(({ seen }) => seen.length > 0),
    change: ({ exposures }) => ({ exposures: exposures.map((win) => ({ ...win, seen: [] })) }),
    names: 'state exposures [',
  },
  {
    what: 'a price that waits for an outcome is another one',
    fits: ({ exposures }) => exposures.some(({ owes }) => owes !== null),
    change: ({ exposures }) => ({
      exposures: exposures.map(({ owes, ...win }) => {
        return { ...win, owes: owes && { ...owes, micros: owes.micros + 1 } };
      }),
    }),
    names: 'state exposures [',
  },
  {
    what: 'a user is in the other arm of a trial',
    fits: ({ trials }) => trials.length > 0,
    change: ({ trials: [first, ...more] }) => {
      const trial = first as TrialEntry;
      return { trials: [{ ...trial, isControl: !trial.isControl }, ...more] };
    },
    names: 'state trials [0] isControl',
  },
  {
    what: 'what a user bought in a trial is off by a cent',
    fits: ({ trials }) => trials.length > 0,
    change: ({ trials: [first, ...more] }) => {
      const trial = first as TrialEntry;
      return { trials: [{ ...trial, cents: trial.cents + 1 }, ...more] };
    },
    names: 'state trials [0] cents',
  },
];

const raised =
  (key: string) =>
  (stored: Json): Json => {
    return { ...stored, [key]: Number(stored[key]) + 1 };
  };

const MESSAGE_FAULTS: readonly (readonly [string, RegExp, (stored: Json) => Json, string])[] = [
  [
    'a concept is off by a millionth',
    /^receipts\./,
    (receipt) => {
      const signals = receipt.signals as Record<string, number>;
      const urgency = signals.urgency as number;
      return { ...receipt, signals: { ...signals, urgency: Math.abs(urgency - 1e-6) } };
    },
    'signals urgency',
  ],
  [
    'a receipt explains a concept by another logit',
    /^receipts\./,
    (receipt) => {
      const { concepts, ...explanation } = receipt.explanation as Explanation;
      const urgency = { ...concepts.urgency, logit: concepts.urgency.logit + 1e-6 };
      return { ...receipt, explanation: { ...explanation, concepts: { ...concepts, urgency } } };
    },
    'explanation concepts urgency logit',
  ],
  [
    'a receipt names another model',
    /^receipts\./,
    (receipt) => ({ ...receipt, versions: { ...(receipt.versions as object), model: 77 } }),
    'versions model',
  ],
  [
    'the leading concept is another one',
    /^receipts\./,
    (receipt) => {
      const decision = receipt.decision as Json;
      const rtme_state = { ...(decision.rtme_state as Json), concept: 'high_spirits' };
      return { ...receipt, decision: { ...decision, rtme_state } };
    },
    'rtme_state concept',
  ],
  [
    'a partition has another version of the model',
    /cell\.model$/,
    (cell) => ({ ...cell, version: Number(cell.version) + 1 }),
    'cell.model version',
  ],
  [
    'a partition has another model',
    /cell\.model$/,
    (cell) => ({ ...cell, model: { ...(cell.model as Json), interests: { prior: 1_000 } } }),
    'cell.model model interests prior',
  ],
  [
    'a forecast is counted that was not made',
    /cell\.calibration\./,
    (cell) => {
      const intents = cell.intents as CalibrationCell['intents'];
      const { forecasts } = intents.churn_risk;
      return {
        ...cell,
        intents: {
          ...intents,
          churn_risk: { ...intents.churn_risk, forecasts: forecasts.map((n) => n + 1) },
        },
      };
    },
    'intents churn_risk forecasts [0]',
  ],
  [
    'a feature is counted in another bin',
    /cell\.drift\./,
    (cell) => ({
      ...cell,
      features: (cell.features as number[][]).map(([n = 0, ...more]) => [n + 1, ...more]),
    }),
    'features [0] [0]',
  ],
  ['a partition’s clock is off', /cell\.traffic$/, raised('log_ms'), 'log_ms'],
  ['more was given away', /cell\.delivery\./, raised('unbilled_micros'), 'unbilled_micros'],
  ['more was spent on a day', /cell\.delivery\./, raised('day_micros'), 'day_micros'],
  ['a conversion more belongs to wins', /cell\.delivery\./, raised('converted'), 'converted'],
  [
    'a campaign was kept back once more',
    /cell\.suppressed$/,
    ({ campaigns, ...cell }) => {
      const { SPRING, ...others } = campaigns as SuppressedCell['campaigns'];
      const budget = (SPRING?.budget ?? 0) + 1;
      return { ...cell, campaigns: { ...others, SPRING: { ...SPRING, budget } } };
    },
    'campaigns SPRING',
  ],
  [
    'a control group bought more',
    /cell\.trial\./,
    (cell) => ({ ...cell, control: raised('revenue_cents')(cell.control as Json) }),
    'control revenue_cents',
  ],
  [
    'a receipt read another fact',
    /^receipts\./,
    (receipt) => ({ ...receipt, facts: { ...(receipt.facts as Json), device: 'toaster' } }),
    'facts device',
  ],
  [
    'a receipt names somebody else as held out',
    /^receipts\./,
    (receipt) => ({ ...receipt, held_out: ['NOBODY', 'AT_ALL', 'NO_ONE', 'NEVER'] }),
    'held_out',
  ],
  [
    'a receipt was made at another reserve',
    /^receipts\./,
    raised('reserve_micros'),
    'reserve_micros',
  ],
];

const asJson = (body: Uint8Array | undefined): Json => JSON.parse(new TextDecoder().decode(body));
const asBody = (message: object | string): Uint8Array =>
  new TextEncoder().encode(typeof message === 'string' ? message : JSON.stringify(message));

describe('the audit names what is wrong when', () => {
  const busy = { users: 20, messages: 2_500, controlRate: 0.02, settings: [{}] };
  const run = new ActorsRun(withLogTimes(journeysOf(SEED, busy), NOW_MS, SEED));
  const whenStored = (subject: string, body: Uint8Array): string[] => {
    const right = run.stored.get(subject) as Uint8Array;
    run.stored.set(subject, body);
    const wrong = auditOf(run).map(({ where }) => where);
    run.stored.set(subject, right);
    return wrong;
  };

  test.each(USER_FAULTS)('$what', ({ fits = () => true, change, names }) => {
    const users = [...run.stored.keys()].filter((subject) => subject.includes('.user.'));
    const read = (subject: string): StoredUser => {
      const token = subject.split('.user.')[1] as UserToken;
      return decodeUser(token, asJson(run.stored.get(subject)));
    };
    const subject = users.find((each) => fits(read(each).state)) ?? '';
    expect(subject, `no user fits; AUDIT_SEED=${SEED}`).not.toBe('');
    const { sequence, chart, state } = read(subject);
    const faulty = { ...state, ...change(state) } as FusedState;
    const wrong = whenStored(subject, asBody(encodeUser(sequence, chart, faulty)));
    expect(wrong.length).toBeGreaterThan(0);
    for (const where of wrong) expect(where).toContain(`${subject} ${names}`);
  });

  test.each(MESSAGE_FAULTS)('%s', (_, pattern, change, names) => {
    const subject = [...run.stored.keys()].find((each) => pattern.test(each)) ?? '';
    const wrong = whenStored(subject, asBody(change(asJson(run.stored.get(subject)))));
    expect(wrong.filter((where) => where.startsWith(subject) && where.includes(names))).toEqual([
      expect.anything(),
    ]);
  });

  const pairOfJournal = (change: (entry: PathJournalEntry, row: number) => object): string[] => {
    const rowOf = (subject: string): number => {
      const { credits = [] } = asJson(run.stored.get(subject)) as Partial<PathJournalEntry>;
      return credits.findIndex(([, kind]) => kind === 'pair');
    };
    const journals = [...run.stored.keys()].filter((subject) => subject.startsWith('journal.'));
    const subject = journals.find((each) => rowOf(each) >= 0) ?? '';
    expect(subject, `no journal fits; AUDIT_SEED=${SEED}`).not.toBe('');
    const entry = asJson(run.stored.get(subject)) as unknown as PathJournalEntry;
    return whenStored(subject, asBody(change(entry, rowOf(subject))));
  };

  test('a channel’s touches that name a campaign are credited with a micro more', () => {
    const wrong = pairOfJournal(({ credits, ...entry }, row) => {
      const changed = credits.map(([day, kind, name, [conversions = 0, micros = 0]], i) => {
        return i === row ? [day, kind, name, [conversions, micros + 1]] : credits[i];
      });
      return { ...entry, credits: changed };
    });
    expect(wrong).toEqual([expect.stringMatching(/^credits of all pairs \d{8}/)]);
  });

  test('they are credited with what they are not', () => {
    const wrong = pairOfJournal(({ credits, ...entry }, row) => {
      return { ...entry, credits: credits.filter((_, i) => i !== row) };
    });
    expect(wrong).toContainEqual(expect.stringMatching(/^credits \d{8}\S* pair .+>.+/));
  });

  test('not that an older release counted no pairs', () => {
    const wrong = pairOfJournal(({ credits, has_pairs: _, ...entry }) => {
      return { ...entry, v: 1, credits: credits.filter(([, kind]) => kind !== 'pair') };
    });
    expect(wrong).toEqual([]);
  });

  test('a user is stored as right, with nothing', () => {
    expect(auditOf(run)).toEqual([]);
  });
});
