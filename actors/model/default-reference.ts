/**
 * What holds until something else comes through the log: the settings' defaults, and the model that
 * this release was trained with (`npm run train`; docs/model-card.md says how good it is).
 */

import { modelSchema } from '../../protocols/model.ts';
import { DEFAULT_SETTINGS } from '../../protocols/settings.ts';
import type { UserReference } from '../user/state.ts';
import released from './released-model.json' with { type: 'json' };
import { Scorer } from './scorer.ts';

export const DEFAULT_REFERENCE: UserReference = {
  settings: DEFAULT_SETTINGS,
  scorer: new Scorer(modelSchema.parse(released)),
};
