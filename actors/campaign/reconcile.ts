/**
 * What the partitions do not know yet: the difference between what the coordinator has decided and
 * what a partition's cells show, as control messages. Level-triggered, so a lost message is
 * simply found missing again.
 */

import type { CampaignActorState } from '../../protocols/campaign-actor.ts';
import type {
  CampaignCell,
  DeliveryCell,
  ModelCell,
  ReferenceCell,
} from '../../protocols/cells.ts';
import { type Control, MAX_GRANTS_PER_MESSAGE } from '../../protocols/control.ts';
import type { Grant } from '../../protocols/grant.ts';
import type { Model } from '../../protocols/model.ts';
import type { Settings } from '../../protocols/settings.ts';
import { isTakenIn } from './windows.ts';

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

/** Whether something that is missing should be sent now: it may be on its way already. */
export type IsDue = (what: string, version: number) => boolean;

/**
 * The control messages that a partition still needs. A grant that was lost is sent again as part of
 * a newer message: any that is not older than the first one acknowledges it.
 *
 * @param nextGrantsVersion gives a version greater than all that the partition was sent before,
 *   once per grants message.
 */
export function missingControls(
  decided: Decided,
  known: Known,
  nextGrantsVersion: () => number,
  isDue: IsDue = () => true,
): Control[] {
  const controls: Control[] = [];
  const { settings, settingsVersion, model } = decided;
  const hasSettings = (known.reference?.settings_version ?? 0) >= settingsVersion;
  if (!hasSettings && isDue('settings', settingsVersion)) {
    controls.push({ v: 2, type: 'settings.put', version: settingsVersion, settings });
  }
  const hasModel = (known.model?.version ?? 0) >= model.version;
  if (!hasModel && isDue('model', model.version)) {
    controls.push({ v: 2, type: 'model.put', version: model.version, model });
  }
  let grants: Record<string, Grant> = {};
  let count = 0;
  const putGrants = (): void => {
    if (count === 0) return;
    controls.push({ v: 2, type: 'grants.put', version: nextGrantsVersion(), grants });
    grants = {};
    count = 0;
  };
  for (const { campaign, status, version, grants: told } of decided.campaigns) {
    const { id } = campaign;
    const hasCampaign = (known.campaign(id)?.version ?? 0) >= version;
    if (!hasCampaign && isDue(`campaign.${id}`, version)) {
      controls.push({ v: 2, type: 'campaign.put', version, campaign, status });
    }
    const newest = told[known.partition];
    if (newest === undefined || isTakenIn(newest, known.delivery(id))) continue;
    if (!isDue(`grant.${id}`, newest.version)) continue;
    grants[id] = newest.grant;
    if (++count === MAX_GRANTS_PER_MESSAGE) putGrants();
  }
  putGrants();
  return controls;
}
