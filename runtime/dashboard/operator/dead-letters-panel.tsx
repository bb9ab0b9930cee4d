/**
 * Events that could not be taken: why, and how each began.
 */
import type { DeadLetter } from '../../../protocols/dead-letter.ts';
import type { DeadLettersReport } from '../../../protocols/live-services.ts';
import { formatCount } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { useAsked } from '../live/ask.ts';
import { decodeExcerpt, readable } from './excerpt.ts';

const ASK_EVERY_MS = 10_000;

/** The panel of dead letters, the latest first. */
export function DeadLettersPanel() {
  const asked = useAsked<DeadLettersReport>('/v1/inspect/dead-letters', ASK_EVERY_MS);
  const { status, value, problem, again } = asked;
  return (
    <Panel
      title="Dead letters"
      hint="What was refused, and what to change. The events themselves stay in the log."
      wide
      actions={
        value === undefined ? null : (
          <span className={`badge ${value.total > 0 ? 'badge-warn' : ''}`} data-testid="letters">
            {formatCount(value.total)} kept
          </span>
        )
      }
    >
      {status === 'failed' ? (
        <Notice
          kind="error"
          title="Dead letters could not be read"
          text={`${problem?.problem ?? ''} ${problem?.hint ?? ''}`.trim()}
          action={{ label: 'Try again', run: again }}
        />
      ) : null}
      {status === 'loading' ? <Notice kind="loading" title="Reading dead letters" /> : null}
      {value !== undefined && value.letters.length === 0 ? (
        <Notice kind="empty" title="None" text="Every event that came could be taken." />
      ) : null}
      <div className="letters">
        {value?.letters.map((letter) => (
          <Letter key={`${letter.partition ?? 'stray'} ${letter.sequence}`} letter={letter} />
        ))}
      </div>
    </Panel>
  );
}

function Letter({ letter }: { readonly letter: DeadLetter }) {
  const { partition, sequence, field, expected, found, hint } = letter;
  return (
    <details className="letter">
      <summary>
        <b className="letter-field">{field === '' ? 'the whole event' : field}</b>
        <span className="letter-why">
          expected {expected}; found <code>{found}</code>
        </span>
        <span className="soft letter-place">
          {partition === undefined ? 'stray' : `partition ${partition}`}, {formatCount(sequence)}
        </span>
      </summary>
      <div className="letter-body">
        <p>
          <b>What to do:</b> {hint}
        </p>
        <p className="soft">
          <code>{letter.subject}</code>
        </p>
        <LetterExcerpt letter={letter} />
      </div>
    </details>
  );
}

function LetterExcerpt({ letter: { excerpt, bytes } }: { readonly letter: DeadLetter }) {
  const { text, isText } = decodeExcerpt(excerpt);
  return (
    <>
      <pre>{readable(text)}</pre>
      <p className="soft">
        {formatCount(bytes)} bytes in all
        {isText ? '' : '; not all of it is UTF-8'}. What cannot be seen is written as{' '}
        <code>{'\\u{…}'}</code>.
      </p>
    </>
  );
}
