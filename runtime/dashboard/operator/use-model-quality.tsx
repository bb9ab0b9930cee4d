/**
 * The model's quality as panels get it: from the feed, or asked for until that has said it.
 */
import type { ReactNode } from 'react';
import type { ModelQuality } from '../../../protocols/model-quality.ts';
import { Notice } from '../components/notice.tsx';
import { useAsked } from '../live/ask.ts';
import { useLive } from '../live/live-store.ts';

interface KnownQuality {
  readonly quality: ModelQuality | undefined;
  /** What to show while it is not known. */
  readonly notice: ReactNode;
}

/** The quality of the model in force; the feed speaks only as figures change. */
export function useModelQuality(): KnownQuality {
  const heard = useLive((state) => state.model);
  const path = heard === undefined ? '/v1/inspect/model-quality' : undefined;
  const { status, value, problem, again } = useAsked<ModelQuality>(path);
  const quality = heard ?? value;
  const notice =
    status === 'failed' ? (
      <Notice
        kind="error"
        title="The model's quality could not be read"
        text={`${problem?.problem ?? ''} ${problem?.hint ?? ''}`.trim()}
        action={{ label: 'Try again', run: again }}
      />
    ) : (
      <Notice kind="loading" title="Reading the model's quality" />
    );
  return { quality, notice };
}
