/**
 * A user's latest decisions with their receipts: who won and at what price, who else took part, and
 * what would have made another one win.
 */
import { useState } from 'react';
import type { Candidate, Receipt } from '../../../protocols/decision.ts';
import type { DecisionsReport } from '../../../protocols/live-services.ts';
import { formatMoment, formatMoney } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import type { Asked } from '../live/ask.ts';
import { contributions } from './contributions.ts';
import { FlipsAnswer } from './flips-answer.tsx';
import { priceText, reasonText } from './receipt-words.ts';
import { PartsList, signed } from './why-panel.tsx';

/** Receipts shown before somebody asks for more. */
const LATEST_RECEIPTS = 6;

interface DecisionsPanelProps {
  readonly decisions: Asked<DecisionsReport>;
  readonly currency: string;
  readonly nowMs: number;
}

/** The panel of the latest decisions, the latest first and open. */
export function DecisionsPanel({ decisions, currency, nowMs }: DecisionsPanelProps) {
  const [isWhole, setIsWhole] = useState(false);
  const receipts = decisions.value?.receipts ?? [];
  const shown = isWhole ? receipts : receipts.slice(0, LATEST_RECEIPTS);
  return (
    <Panel
      title="Decisions"
      hint="The latest receipts: all that each auction read, and how it ranked campaigns."
      wide
    >
      <DecisionsNotice decisions={decisions} />
      <div className="receipts">
        {shown.map((receipt, i) => (
          <ReceiptCard
            key={receipt.decision.decision_id}
            isOpen={i === 0}
            {...{ receipt, currency, nowMs }}
          />
        ))}
      </div>
      {receipts.length > shown.length ? (
        <button type="button" className="button more" onClick={() => setIsWhole(true)}>
          {receipts.length - shown.length} earlier decisions
        </button>
      ) : null}
    </Panel>
  );
}

function DecisionsNotice({
  decisions: { status, value, problem, again },
}: {
  readonly decisions: Asked<DecisionsReport>;
}) {
  if (value !== undefined && value.receipts.length > 0) return null;
  if (status === 'loading') return <Notice kind="loading" title="Reading receipts" />;
  if (status === 'failed' && value === undefined) {
    return (
      <Notice
        kind="error"
        title="Receipts could not be read"
        text={`${problem?.problem ?? ''} ${problem?.hint ?? ''}`.trim()}
        action={{ label: 'Try again', run: again }}
      />
    );
  }
  return (
    <Notice
      kind="empty"
      title="No decision so far"
      text="Decisions come from opportunities, and from events that trigger a live campaign."
    />
  );
}

interface ReceiptCardProps {
  readonly receipt: Receipt;
  readonly currency: string;
  readonly nowMs: number;
  readonly isOpen: boolean;
}

function ReceiptCard({ receipt, currency, nowMs, isOpen }: ReceiptCardProps) {
  const { decision, event, wins, versions } = receipt;
  return (
    <details className="receipt" open={isOpen}>
      <summary>
        <span className="receipt-winner">
          {wins.length === 0 ? 'nobody won' : wins.map(({ campaign }) => campaign).join(', ')}
        </span>
        <span className="soft">
          {wins.map((win) => priceText(win, currency)).join('; ')}
          {wins.length > 0 ? ' · ' : ''}
          {event.type}
          {event.placement === undefined ? '' : ` at ${event.placement}`}
        </span>
        <time className="soft" dateTime={new Date(event.timestamp).toISOString()}>
          {formatMoment(event.timestamp, nowMs)}
        </time>
      </summary>
      <div className="receipt-body">
        <p className="soft receipt-ids">
          <code>{decision.decision_id}</code> read {decision.rtme_state.concept}; reserve{' '}
          {formatMoney(receipt.reserve_micros, currency)}; model {versions.model}, settings{' '}
          {versions.settings}; message {event.sequence} of the log
        </p>
        <Candidates receipt={receipt} currency={currency} />
        <Excluded receipt={receipt} />
        <ReceiptWhy receipt={receipt} />
        <FlipsAnswer decision={decision.decision_id} currency={currency} />
      </div>
    </details>
  );
}

function Candidates({ receipt, currency }: Pick<ReceiptCardProps, 'receipt' | 'currency'>) {
  const { candidates, wins } = receipt;
  if (candidates.length === 0) {
    return <p className="soft">No campaign was there to bid.</p>;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll" aria-label="Candidates" tabIndex={0}>
      <table className="candidates">
        <caption className="visually-hidden">Candidates of the auction, ranked</caption>
        <thead>
          <tr>
            <th scope="col">campaign</th>
            <th scope="col">outcome</th>
            <th scope="col" className="right">
              bid
            </th>
            <th scope="col" className="right">
              quality
            </th>
            <th scope="col" className="right">
              score
            </th>
            <th scope="col">quality is made of</th>
          </tr>
        </thead>
        <tbody>
          {candidates.map((each) => (
            <tr key={each.campaign} className={each.excluded === undefined ? '' : 'is-out'}>
              <th scope="row">{each.campaign}</th>
              <td>
                <Outcome candidate={each} wins={wins} currency={currency} />
              </td>
              <td className="right">{formatMoney(each.bid_micros, currency)}</td>
              <td className="right">{(each.quality_ppm / 1_000_000).toFixed(3)}</td>
              <td className="right">{formatMoney(each.score / 1_000_000, currency)}</td>
              <td className="soft">{qualityText(each)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface OutcomeProps {
  readonly candidate: Candidate;
  readonly wins: Receipt['wins'];
  readonly currency: string;
}

function Outcome({ candidate, wins, currency }: OutcomeProps) {
  const place = wins.findIndex(({ campaign }) => campaign === candidate.campaign);
  const win = wins[place];
  if (win !== undefined) {
    return (
      <span className="badge badge-good">
        {wins.length > 1 ? `place ${place + 1}, ` : 'won, '}
        {priceText(win, currency)}
      </span>
    );
  }
  if (candidate.excluded === undefined) return <span className="soft">outbid</span>;
  return <span className="badge badge-warn">{reasonText(candidate.excluded)}</span>;
}

function qualityText({ contributions: parts, factor }: Candidate): string {
  const text = Object.entries(parts ?? {})
    .map(([name, part]) => `${name} ${signed(part)}`)
    .join(', ');
  return factor === undefined ? text : `${text} × ${factor}`;
}

function Excluded({ receipt }: { readonly receipt: Receipt }) {
  const reasons = Object.entries(receipt.excluded);
  if (reasons.length + receipt.held_out.length === 0) return null;
  return (
    <p className="soft">
      Left out:{' '}
      {reasons.map(([reason, count]) => `${count} × ${reasonText(reason)}`).join(', ') || 'nobody'}
      {receipt.held_out.length === 0
        ? ''
        : `. Would have won without a holdout: ${receipt.held_out.join(', ')}`}
      .
    </p>
  );
}

function ReceiptWhy({ receipt }: { readonly receipt: Receipt }) {
  const [isOpen, setIsOpen] = useState(false);
  const { explanation } = receipt;
  if (explanation === undefined) return null;
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>The scores it read, and their parts</summary>
      {isOpen ? (
        <div className="receipt-parts">
          {Object.entries(explanation.intents).map(([name, intent]) => (
            <PartsList
              key={name}
              title={name}
              parts={contributions(intent, intent.concepts, 0, 5)}
              of="concepts"
            />
          ))}
        </div>
      ) : null}
    </details>
  );
}
