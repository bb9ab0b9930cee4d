/**
 * Fill rates by source and region: which part of what was sent has come in.
 */
import { formatRate, formatShare } from '../components/format.ts';
import { spokenName } from '../components/names.ts';
import { Notice } from '../components/notice.tsx';
import { Panel } from '../components/panel.tsx';
import { useLive } from '../live/live-store.ts';
import { type FillCell, fillGrid } from './fill-grid.ts';

/** A table whose cells are coloured only where something is missing. */
export function FillPanel() {
  const frame = useLive((state) => state.frame);
  return (
    <Panel
      title="Fill rate by source and region"
      hint={
        'Large: received of what was sent, by gaps in numbering, last hour. ' +
        'Small: received of what was expected, last minute.'
      }
      wide={true}
    >
      {frame === undefined ? (
        <Notice kind="loading" title="Loading fill rates" />
      ) : frame.sources.length + frame.groups.length === 0 ? (
        <Notice
          kind="empty"
          title="No sources yet"
          text="Events may name a source and a region; each pair becomes a cell here."
        />
      ) : (
        <FillTable frame={frame} />
      )}
    </Panel>
  );
}

function FillTable({ frame }: { readonly frame: Parameters<typeof fillGrid>[0] & SmallGroups }) {
  const grid = fillGrid(frame);
  const small = frame.small_groups;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reachable by keyboard */}
      <section className="table-scroll" aria-label="Fill rates" tabIndex={0}>
        <table className="fill">
          <caption className="visually-hidden">Fill rate by source and region</caption>
          <thead>
            <tr>
              <th scope="col">Source</th>
              <th scope="col">All regions</th>
              {grid.regions.map((region) => (
                <th key={region} scope="col">
                  {spokenName(region)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {grid.rows.map((row) => (
              <tr key={row.source}>
                <th scope="row">{spokenName(row.source)}</th>
                <Cell cell={row.all} />
                {grid.regions.map((region, index) => (
                  <Cell key={region} cell={row.cells[index]} />
                ))}
              </tr>
            ))}
            {grid.small === undefined ? null : (
              <tr>
                <th scope="row">Small groups</th>
                <Cell cell={grid.small} />
                <td className="soft fill-note" colSpan={Math.max(1, grid.regions.length)} />
              </tr>
            )}
          </tbody>
        </table>
      </section>
      {small === null ? null : (
        <p className="hint">
          Groups of fewer than {small.min_users} users are counted together ({small.count} now), so
          that nobody can be singled out.
        </p>
      )}
    </>
  );
}

interface SmallGroups {
  readonly small_groups: { readonly min_users: number; readonly count: number } | null;
}

function Cell({ cell }: { readonly cell: FillCell | undefined }) {
  if (cell === undefined) return <td className="fill-cell fill-none">·</td>;
  const rate = `${formatRate(cell.eventsPerS)} events/s`;
  const expected =
    cell.expectedPerS === null ? '' : `, expected ${formatRate(cell.expectedPerS)} events/s`;
  const isSilent = cell.state === 'silent' || cell.state === 'quiet';
  return (
    <td className={`fill-cell fill-${cell.state}`} title={`${rate}${expected}`}>
      <strong>{isSilent ? cell.state : formatShare(cell.byGaps)}</strong>
      <small>
        {cell.state === 'silent'
          ? `expected ${formatRate(cell.expectedPerS)}/s`
          : cell.state === 'quiet'
            ? 'no events'
            : formatShare(cell.byArrival, 0)}
      </small>
    </td>
  );
}
