/**
 * Removal effects: the share of conversions lost without a channel, and how sure that is.
 */
import type { AttributionReport } from '../../../protocols/services.ts';
import { AskedBody } from '../components/asked-body.tsx';
import { formatShare } from '../components/format.ts';
import { spokenName } from '../components/names.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import type { Asked } from '../live/ask.ts';
import { upperBound } from './scale.ts';

/** A dot and its whisker per channel, and the same in figures. */
export function RemovalPanel({ asked }: { readonly asked: Asked<AttributionReport> }) {
  return (
    <Panel
      title="Removal effects"
      hint="Conversions that would be lost without the channel, with the 95 % interval."
    >
      <AskedBody what="removal effects" asked={asked}>
        {({ channels }) =>
          channels.length === 0 ? (
            <Notice kind="empty" title="No channel has been touched yet" />
          ) : (
            <Whiskers
              channels={[...channels].sort((a, b) => b.removal_effect - a.removal_effect)}
            />
          )
        }
      </AskedBody>
    </Panel>
  );
}

type Channel = AttributionReport['channels'][number];

function Whiskers({ channels }: { readonly channels: readonly Channel[] }) {
  const top = upperBound(channels.map((each) => each.removal_effect_high ?? each.removal_effect));
  const at = (effect: number) => `${(100 * Math.min(Math.max(effect, 0), top)) / top}%`;
  return (
    <table className="whiskers">
      <caption className="visually-hidden">Removal effects with 95 % intervals</caption>
      <thead>
        <tr>
          <th scope="col">Channel</th>
          <th scope="col" className="whisker-axis">
            <span>0 %</span>
            <span>{formatShare(top / 2, 0)}</span>
            <span>{formatShare(top, 0)}</span>
          </th>
          <th scope="col" className="right">
            Effect
          </th>
          <th scope="col" className="right whisker-interval">
            95 %
          </th>
        </tr>
      </thead>
      <tbody>
        {channels.map(({ channel, ...each }) => {
          const low = each.removal_effect_low ?? each.removal_effect;
          const high = each.removal_effect_high ?? each.removal_effect;
          return (
            <tr key={channel}>
              <th scope="row">{spokenName(channel)}</th>
              <td className="whisker-cell">
                <div className="whisker-track" aria-hidden="true">
                  <i style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
                  <b style={{ left: at(each.removal_effect) }} />
                </div>
              </td>
              <td className="right">
                <strong>{formatShare(each.removal_effect)}</strong>
              </td>
              <td className="right soft whisker-interval">
                {formatShare(low).replace(' %', '')}–{formatShare(high)}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
