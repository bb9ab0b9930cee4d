/**
 * What is left on record of a campaign's changes: who changed what, and the alert of a breaker.
 */
import type { Alert } from '../../protocols/alert.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type { CampaignChange } from '../../protocols/campaign-services.ts';
import type { CampaignId } from '../../protocols/ids.ts';
import { MICROS_PER_UNIT } from '../../protocols/money.ts';
import { alertSubject, campaignSubject, trailSubject } from '../../protocols/subjects.ts';
import type { StoreMessage } from '../ports.ts';

/** Fields that one change lists; a definition has some 50, and its maps some more. */
export const MAX_CHANGED_FIELDS = 64;
/** Who the engine is in the trail. */
const ENGINE = 'microtarget';

type ChangedField = CampaignChange['changed'][number];

/** A campaign's move with what there is to record of it. */
export interface Recorded {
  readonly actor: CampaignActorState;
  readonly change?: CampaignChange;
  readonly alert?: Alert;
}

/** The change that leads from one state to another; null where there was none before. */
export function changeOf(
  before: CampaignActorState | null,
  after: CampaignActorState,
  { action, by, atMs }: { action: CampaignChange['action']; by: string; atMs: number },
): CampaignChange {
  const changed = changedFields(before?.campaign ?? null, after.campaign);
  if (before !== null && before.status !== after.status) {
    changed.unshift({ field: 'status', from: before.status, to: after.status });
  }
  return {
    v: 1,
    campaign: after.campaign.id,
    revision: after.revision,
    at_ms: atMs,
    by,
    action,
    changed: changed.slice(0, MAX_CHANGED_FIELDS),
  };
}

/** The fields that differ, by path. Lists count as one field. */
export function changedFields(from: unknown, to: unknown, path = ''): ChangedField[] {
  if (!isRecord(from) && !isRecord(to)) {
    const isSame = JSON.stringify(from) === JSON.stringify(to);
    return isSame ? [] : [{ field: path, from: from ?? null, to: to ?? null }];
  }
  const [was, is] = [isRecord(from) ? from : {}, isRecord(to) ? to : {}];
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...names].flatMap((name) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return changedFields(own(was, name), own(is, name), inner);
  });
}

/** Stops a campaign that its breaker has found to run away: the change and the alert. */
export function runaway(
  before: CampaignActorState,
  after: CampaignActorState,
  foundMicros: number,
  atMs: number,
): Recorded {
  const { id, breaker } = after.campaign;
  const expected = breaker?.spend_micros ?? 0;
  const units = (micros: number): string => (micros / MICROS_PER_UNIT).toFixed(2);
  const alert: Alert = {
    v: 2,
    id: `runaway_spend.${id}.${atMs}`,
    kind: 'runaway_spend',
    key: id,
    scope: { campaign: id },
    status: 'open',
    since_ms: atMs,
    changed_ms: atMs,
    acknowledged: null,
    direction: 'high',
    expected,
    found: foundMicros,
    unit: 'micros',
    z: null,
    cause: 'runaway_spend',
    meaning:
      `Campaign ${id} spent ${units(foundMicros)} within ${breaker?.within_s ?? 0} s, its ` +
      `breaker allows ${units(expected)}: it was throttled. Its targeting may be too wide, its ` +
      'bid too high, or the traffic not genuine. Look at its receipts, then resume or end it.',
  };
  const change = changeOf(before, after, { action: 'throttle', by: ENGINE, atMs });
  return { actor: after, change, alert };
}

/** The same alert, no longer open. */
export function resolved(alert: Alert, atMs: number): Alert {
  return { ...alert, status: 'resolved', changed_ms: atMs };
}

/** The same alert with who looks after it. */
export function acknowledged(alert: Alert, by: string, atMs: number): Alert {
  const note = { by, at_ms: atMs };
  return { ...alert, status: 'acknowledged', changed_ms: atMs, acknowledged: note };
}

/** An alert as it is stored. */
export function alertMessage(alert: Alert): StoreMessage {
  const subject = alertSubject(alert.kind, alert.key, alert.since_ms);
  return { subject, body: JSON.stringify(alert) };
}

/** What one commit has to hold of a move. */
export function messagesOf({ actor, change, alert }: Recorded): StoreMessage[] {
  const id = actor.campaign.id as CampaignId;
  const messages: StoreMessage[] = [{ subject: campaignSubject(id), body: JSON.stringify(actor) }];
  if (change !== undefined) {
    const subject = trailSubject(id, change.revision);
    messages.push({ subject, body: JSON.stringify(change) });
  }
  if (alert !== undefined) messages.push(alertMessage(alert));
  return messages;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(record: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
