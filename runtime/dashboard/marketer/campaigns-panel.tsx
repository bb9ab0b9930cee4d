/**
 * Campaigns: how far their budgets are, how fast they spend, what they won and what they cause.
 */
import { useMemo, useState } from 'react';
import { formatCount, formatMoney, formatRate, formatShare } from '../components/format.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { useLive } from '../live/live-store.ts';
import { type Budget, type CampaignRow, campaignRows, liftVerdict } from './campaign-rows.ts';

/** Shown at first, and with each click on the button more. */
const PAGE = 8;

const STATUS_TONES: Readonly<Record<CampaignRow['status'], string>> = {
  draft: 'badge',
  live: 'badge badge-good',
  throttled: 'badge badge-bad',
  exhausted: 'badge badge-warn',
  paused: 'badge',
  ended: 'badge',
};

/** One row per campaign. */
export function CampaignsPanel() {
  const campaigns = useLive((state) => state.campaigns);
  const frame = useLive((state) => state.frame);
  const attribution = useLive((state) => state.attribution);
  const [shown, setShown] = useState(PAGE);
  const rows = useMemo(
    () => campaignRows(campaigns.values(), frame, attribution),
    [campaigns, frame, attribution],
  );
  const currency = frame?.currency ?? attribution?.currency ?? 'EUR';
  return (
    <Panel
      title="Campaigns"
      hint={
        'Credit is association: conversions on whose paths the campaign was. Lift is cause: what ' +
        'its holdout shows it to add, with the 95 % interval.'
      }
      wide={true}
    >
      {rows.length > 0 ? (
        <>
          <ul className="campaigns">
            {rows.slice(0, shown).map((row) => (
              <CampaignItem key={row.id} row={row} currency={currency} />
            ))}
          </ul>
          {rows.length > shown ? (
            <button type="button" className="button" onClick={() => setShown(shown + 5 * PAGE)}>
              Show more of {formatCount(rows.length)}
            </button>
          ) : null}
        </>
      ) : frame === undefined ? (
        <Notice kind="loading" title="Loading campaigns" />
      ) : (
        <Notice
          kind="empty"
          title="No campaigns yet"
          text={
            <>
              Define some in a file: <code>npx microtarget campaigns apply file.yaml</code>
            </>
          }
        />
      )}
    </Panel>
  );
}

function CampaignItem({ row, currency }: { readonly row: CampaignRow; readonly currency: string }) {
  return (
    <li className="campaign">
      <div className="campaign-name">
        <h3 title={row.id}>{row.name}</h3>
        <span className={STATUS_TONES[row.status]}>{row.status}</span>
        {row.isHouse ? <span className="soft"> house</span> : null}
      </div>
      <div className="campaign-budgets">
        {row.isHouse ? <p className="soft">neither bids nor pays</p> : null}
        {row.budgets.map((budget) => (
          <BudgetBar key={budget.label} budget={budget} currency={currency} />
        ))}
      </div>
      <dl className="campaign-figures">
        <div>
          <dt>Spends</dt>
          <dd>{formatMoney(row.spendMicrosMinute, currency)}/min</dd>
        </div>
        <div>
          <dt>Wins</dt>
          <dd>
            {formatCount(row.wins)}
            <small>{formatCount(row.winsMinute)}/min</small>
          </dd>
        </div>
        <div>
          <dt>ROAS</dt>
          <dd>{formatRate(row.roas)}</dd>
        </div>
        <div>
          <dt>Credit (Markov)</dt>
          <dd>
            {row.credit === null ? '–' : formatRate(row.credit.conversions)}
            {row.credit === null ? null : (
              <small>{formatMoney(row.credit.valueMicros, currency, true)}</small>
            )}
          </dd>
        </div>
        <Lift row={row} />
      </dl>
    </li>
  );
}

function BudgetBar({ budget, currency }: { readonly budget: Budget; readonly currency: string }) {
  const spent = formatMoney(budget.spentMicros, currency, true);
  const of = formatMoney(budget.ofMicros, currency, true);
  return (
    <div className="budget">
      <div className="budget-words">
        <span>
          {spent}{' '}
          <span className="soft">
            of {of} {budget.label}
          </span>
        </span>
        <span className="soft">{formatShare(budget.share, 0)}</span>
      </div>
      <div className="budget-bar" aria-hidden="true">
        <i
          className={budget.share >= 1 ? 'is-full' : ''}
          style={{ width: percent(budget.share) }}
        />
      </div>
    </div>
  );
}

function Lift({ row: { lift } }: { readonly row: CampaignRow }) {
  const verdict = liftVerdict(lift);
  const isFigure = verdict === 'proven' || verdict === 'not proven';
  const relative = lift?.relative;
  return (
    <div className="campaign-lift">
      <dt>Lift</dt>
      <dd>
        {isFigure ? signedShare(relative?.estimate ?? null) : '–'}
        {isFigure ? (
          <small>
            95 %: {signedShare(relative?.low ?? null)} … {highOf(relative?.high)}
          </small>
        ) : null}
        <small className={verdict === 'proven' ? 'good' : undefined}>{verdict}</small>
      </dd>
    </div>
  );
}

function highOf(high: number | null | undefined): string {
  return high === null || high === undefined ? 'no upper bound' : signedShare(high);
}

function signedShare(share: number | null): string {
  if (share === null) return '–';
  const text = formatShare(Math.abs(share), 0);
  return share < 0 ? `−${text}` : `+${text}`;
}

function percent(share: number): string {
  return `${Math.max(0.5, share * 100)}%`;
}
