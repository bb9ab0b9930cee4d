/**
 * What the partitions do not know yet: the difference between what the coordinator has decided and
 * what a partition's cells show, as control messages. Level-triggered, so a lost message is
 * simply found missing again.
 */

import type { Settings } from '../../protocols/campaign.ts';
import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type {
  CampaignCell,
  DeliveryCell,
  ModelCell,
  ReferenceCell,
} from '../../protocols/cells.ts';
import { type Control, MAX_GRANTS_PER_MESSAGE } from '../../protocols/control.ts';
import type { Model } from '../../protocols/model.ts';
import type { Micros } from '../../protocols/money.ts';

export interface Decided {
  readonly settings: Settings;
  readonly settingsVersion: number;
  /** The model in force; also the release's own, so that every log says what was decided by. */
  readonly model: Model;
  readonly campaigns: Iterable<CampaignActorState>;
}

/** What one partition's cells say; undefined for a cell that it does not have. */
export interface Known {
  readonly partition: number;
  readonly reference: ReferenceCell | undefined;
  readonly model: ModelCell | undefined;
  campaign(id: string): CampaignCell | undefined;
  delivery(id: string): DeliveryCell | undefined;
}

/**
 * The control messages that a partition still needs.
 *
 * @param nextGrantsVersion gives a version greater than all before, once per grants message.
 */
export function missingControls(
  decided: Decided,
  known: Known,
  nextGrantsVersion: () => number,
): Control[] {
  const controls: Control[] = [];
  if ((known.reference?.settings_version ?? 0) < decided.settingsVersion) {
    const { settings, settingsVersion: version } = decided;
    controls.push({ v: 1, type: 'settings.put', version, settings });
  }
  const { model } = decided;
  if ((known.model?.version ?? 0) < model.version) {
    controls.push({ v: 1, type: 'model.put', version: model.version, model });
  }
  let grants: Record<string, Micros> = {};
  const putGrants = (): void => {
    if (Object.keys(grants).length === 0) return;
    const version = nextGrantsVersion();
    controls.push({ v: 1, type: 'grants.put', version, granted_micros: grants });
    grants = {};
  };
  for (const { campaign, status, version, granted_micros } of decided.campaigns) {
    if ((known.campaign(campaign.id)?.version ?? 0) < version) {
      controls.push({ v: 1, type: 'campaign.put', version, campaign, status });
    }
    const granted = granted_micros[known.partition] ?? 0;
    if (granted > (known.delivery(campaign.id)?.granted_micros ?? 0)) {
      grants[campaign.id] = granted;
      if (Object.keys(grants).length === MAX_GRANTS_PER_MESSAGE) putGrants();
    }
  }
  putGrants();
  return controls;
}
