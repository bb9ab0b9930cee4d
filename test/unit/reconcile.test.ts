/** What partitions have to be told: all they lack, again and again until they show it. */
import { describe, expect, test } from 'vitest';
import { draftCampaign, moveCampaign } from '../../actors/campaign/machine.ts';
import { type Decided, type Known, missingControls } from '../../actors/campaign/reconcile.ts';
import { DEFAULT_REFERENCE } from '../../actors/model/default-reference.ts';
import { PartitionState } from '../../actors/partition/state.ts';
import type { CampaignActorState, ToldGrant } from '../../protocols/campaign-actor.ts';
import type {
  CampaignCell,
  DeliveryCell,
  ModelCell,
  ReferenceCell,
} from '../../protocols/cells.ts';
import { type Control, controlSchema, MAX_GRANTS_PER_MESSAGE } from '../../protocols/control.ts';
import { FOREVER_MS } from '../../protocols/grant.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import { upcast } from '../../protocols/upcast.ts';
import { campaignWith } from '../generators.ts';

const PARTITION = 3;

/** A partition that takes its controls in as a worker does; only its cells are looked at. */
class Listener implements Known {
  readonly partition = PARTITION;
  readonly state = new PartitionState();
  readonly #cells = new Map<string, object>();

  take(controls: readonly Control[]): void {
    for (const control of controls) this.state.control(control);
    for (const { name, cell } of this.state.takeDirty()) this.#cells.set(name, cell);
  }

  get reference(): ReferenceCell | undefined {
    return this.#cells.get('reference') as ReferenceCell | undefined;
  }

  get model(): ModelCell | undefined {
    return this.#cells.get('model') as ModelCell | undefined;
  }

  campaign(id: string): CampaignCell | undefined {
    return this.#cells.get(`campaign.${id}`) as CampaignCell | undefined;
  }

  delivery(id: string): DeliveryCell | undefined {
    return this.#cells.get(`delivery.${id}`) as DeliveryCell | undefined;
  }
}

function liveCampaign(id: string, granted: number): CampaignActorState {
  const live = moveCampaign(draftCampaign(campaignWith(id)), 0, { type: 'campaign.launched' });
  const grants = { [PARTITION]: told(granted, 1), 0: told(77, 1) };
  return moveCampaign(live, 0, { type: 'grants.told', grants });
}

function told(allow_micros: number, version: number): ToldGrant {
  const grant = { from_ms: 0, until_ms: FOREVER_MS, day_from_ms: 0, allow_micros };
  return { version, grant: { ...grant, limited_by: 'total' }, before: null };
}

function decided(campaigns: readonly CampaignActorState[], settingsVersion = 1): Decided {
  const { model } = DEFAULT_REFERENCE.scorer;
  return { settings: DEFAULT_SETTINGS, settingsVersion, model, campaigns };
}

function counter(from = 0): () => number {
  let version = from;
  return () => ++version;
}

describe('what a partition lacks', () => {
  const sale = liveCampaign('sale', 500);

  test('is everything, at first', () => {
    const controls = missingControls(decided([sale]), new Listener(), counter());
    expect(controls.map(({ type }) => type)).toEqual([
      'settings.put',
      'model.put',
      'campaign.put',
      'grants.put',
    ]);
    expect(controls[3]).toMatchObject({ version: 1, grants: { sale: { allow_micros: 500 } } });
  });

  test('is sent again until the partition shows it, and then no more', () => {
    const listener = new Listener();
    const first = missingControls(decided([sale]), listener, counter());
    expect(missingControls(decided([sale]), listener, counter())).toEqual(first);
    listener.take(first);
    expect(missingControls(decided([sale]), listener, counter(1))).toEqual([]);
  });

  test('is only what changed', () => {
    const listener = new Listener();
    listener.take(missingControls(decided([sale]), listener, counter()));
    const paused = moveCampaign(sale, 0, { type: 'campaign.paused' });
    expect(missingControls(decided([paused]), listener, counter(1))).toEqual([
      { v: 2, type: 'campaign.put', version: 3, campaign: sale.campaign, status: 'paused' },
    ]);
    const grants = { [PARTITION]: told(300, 2) };
    const lowered = moveCampaign(sale, 0, { type: 'grants.told', grants });
    expect(missingControls(decided([lowered]), listener, counter(1))).toEqual([
      { v: 2, type: 'grants.put', version: 2, grants: { sale: told(300, 2).grant } },
    ]);
    const settings = { v: 2, type: 'settings.put', version: 2, settings: DEFAULT_SETTINGS };
    expect(missingControls(decided([sale], 2), listener, counter(1))).toEqual([settings]);
  });

  test('is never what another partition was granted', () => {
    const elsewhere = moveCampaign(draftCampaign(campaignWith('sale')), 0, {
      type: 'grants.told',
      grants: { 5: told(1_000, 2) },
    });
    const controls = missingControls(decided([elsewhere]), new Listener(), counter());
    expect(controls.some(({ type }) => type === 'grants.put')).toBe(false);
  });
});

test('whichever messages are lost, repeating what is missing brings a partition up to date', () => {
  const campaigns = ['a', 'b', 'c'].map((id, i) => liveCampaign(id, 100 * (i + 1)));
  for (let lost = 0; lost < 2 ** 6; lost++) {
    const listener = new Listener();
    const next = counter();
    const first = missingControls(decided(campaigns), listener, next);
    expect(first).toHaveLength(6);
    listener.take(first.filter((_, i) => ((lost >> i) & 1) === 0));
    // What got lost is found missing; what arrives twice, or late, does no harm.
    listener.take([...missingControls(decided(campaigns), listener, next), ...first]);
    expect(missingControls(decided(campaigns), listener, next)).toEqual([]);
    expect(listener.delivery('c')?.grant?.allow_micros).toBe(300);
  }
});

test('what was sent a moment ago is not sent again before it is due', () => {
  const asked: string[] = [];
  const isDue = (what: string, version: number): boolean => {
    asked.push(`${what} ${version}`);
    return what === 'settings';
  };
  const controls = missingControls(
    decided([liveCampaign('sale', 5)]),
    new Listener(),
    counter(),
    isDue,
  );
  expect(controls.map(({ type }) => type)).toEqual(['settings.put']);
  expect(asked).toEqual(['settings 1', expect.any(String), 'campaign.sale 2', 'grant.sale 1']);
});

test('a late grant of another release is no acknowledgement of the last one', () => {
  const granted = { [PARTITION]: 500 };
  const stored = { v: 1, status: 'live', version: 2, granted_micros: granted };
  const campaign = campaignWith('sale');
  const actor = upcast('campaignActor', { ...stored, campaign }) as unknown as CampaignActorState;
  const listener = new Listener();
  const older = { v: 1, type: 'grants.put', version: 10, granted_micros: { sale: 100 } };
  listener.take([controlSchema.parse(upcast('control', older))]);
  const [grants] = missingControls(decided([actor]), listener, counter(20)).slice(-1);
  expect(grants).toMatchObject({ version: 21, grants: { sale: { allow_micros: 500 } } });
  listener.take([grants as Control]);
  const left = missingControls(decided([actor]), listener, counter(21));
  expect(left.some(({ type }) => type === 'grants.put')).toBe(false);
});

test('grants of many campaigns are split, each message within its bound and version', () => {
  const many = 2 * MAX_GRANTS_PER_MESSAGE + 1;
  const campaigns = Array.from({ length: many }, (_, i) => liveCampaign(`c${i}`, 10 + i));
  const listener = new Listener();
  const controls = missingControls(decided(campaigns), listener, counter(40));
  const grants = controls.flatMap((control) => (control.type === 'grants.put' ? [control] : []));
  expect(grants.map(({ version }) => version)).toEqual([41, 42, 43]);
  for (const control of controls) expect(controlSchema.safeParse(control).success).toBe(true);
  listener.take(controls);
  expect(listener.delivery(`c${many - 1}`)?.grant?.allow_micros).toBe(10 + many - 1);
  expect(missingControls(decided(campaigns), listener, counter(43))).toEqual([]);
});
