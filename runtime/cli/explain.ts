/**
 * `microtarget explain`: why a decision was made, and the proof: the decision calculated again from
 * the log, with the settings, campaigns, budgets and user state of that moment.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import type { Candidate, Receipt } from '../../protocols/decision.ts';
import { decodeUserToken } from '../../protocols/ids.ts';
import { toUnits } from '../../protocols/money.ts';
import { CONCEPTS, INTENTS } from '../../protocols/user-snapshot.ts';
import { NetworkUnavailable } from '../onnx/network-folder.ts';
import {
  parseReceipt,
  type Rerun,
  readReceipt,
  rerunDecision,
} from '../time-travel/rerun-decision.ts';
import { networksHere } from './onnx-model.ts';
import {
  bar,
  integer,
  logitParts,
  money,
  printJson,
  printLine,
  printTable,
  progress,
} from './print.ts';
import { CommandFailed, connectAs } from './session.ts';

/** Shows why; exits with 1 if the log gives another decision than the one that was stored. */
export async function explainCommand(
  decision: string,
  options: { json?: boolean; rerun?: boolean },
): Promise<void> {
  const nc = await connectAs('engine', 'explain');
  try {
    const stored = await readReceipt(nc, decision);
    const receipt = parseReceipt(stored);
    const rerun =
      options.rerun === false
        ? undefined
        : await rerunReceipt(nc, receipt, stored).catch((error: unknown) => {
            if (!(error instanceof NetworkUnavailable)) throw error;
            // The receipt says why by itself; what is missing is the proof.
            if (options.json === true) printJson({ receipt });
            else printReceipt(receipt);
            const message = `not calculated again here: ${error.message}`;
            throw new CommandFailed(message, { cause: error });
          });
    if (rerun?.isSame === false) process.exitCode = 1;
    if (options.json === true) {
      const again = rerun?.again === undefined ? null : (JSON.parse(rerun.again) as unknown);
      const flips = { bid: rerun?.bidFlip ?? null, concept: rerun?.conceptFlip ?? null };
      const made = rerun && { rerun: { is_same: rerun.isSame, receipt: again }, flips };
      printJson({ receipt, ...made });
      return;
    }
    printReceipt(receipt);
    if (rerun !== undefined) printRerun(rerun, receipt);
  } finally {
    await nc.close();
  }
}

/**
 * Makes the decision again from the log, with the networks of this machine.
 *
 * @throws NetworkUnavailable if a model on the way has a network that cannot be run here.
 */
export async function rerunReceipt(
  nc: NatsConnection,
  receipt: Receipt,
  stored: string,
): Promise<Rerun> {
  const shown = progress('replaying the partition', receipt.event.sequence);
  await using networks = networksHere();
  return await rerunDecision(nc, receipt, stored, networks, shown.update).finally(() => {
    shown.stop();
  });
}

function printReceipt(receipt: Receipt): void {
  const { decision, event, versions, signals } = receipt;
  const user = decodeUserToken(receipt.user);
  printLine(`decision ${decision.decision_id} for user ${'id' in user ? user.id : receipt.user}`);
  const where = event.placement === undefined ? '' : ` at ${event.placement}`;
  printLine(
    `on ${event.type}${where}, ${new Date(event.timestamp).toISOString()}, ` +
      `message ${integer(event.sequence)} of the log`,
  );
  printLine(`model ${versions.model}, settings ${versions.settings}\n`);
  printWins(receipt);
  printLine('\nwhat the auction read of the user');
  for (const [signal, value] of Object.entries(signals)) {
    printLine(`  ${signal.padEnd(18)} ${bar(value)}  ${whyOf(receipt, signal)}`.trimEnd());
  }
  printLine(`  ${factsText(receipt)}`.trimEnd());
  printCandidates(receipt);
}

function printWins({ decision, wins, held_out }: Receipt): void {
  if (wins.length === 0) printLine('no campaign qualified');
  const types = decision.orchestration.slots?.map(({ trigger_type }) => trigger_type);
  wins.forEach(({ campaign, price_micros, price_setter }, i) => {
    const shownAs = types?.[i] ?? decision.orchestration.trigger_type;
    const place = wins.length > 1 ? `place ${i + 1}: ` : '';
    const price =
      price_setter === 'house'
        ? 'as nobody qualified'
        : `for ${money(price_micros)}, set by ${setterText(price_setter)}`;
    printLine(`${place}${campaign} won, shown as ${shownAs}, ${price}`);
  });
  if (held_out.length > 0) printLine(`held out to measure its effect: ${held_out.join(', ')}`);
}

function setterText(setter: string): string {
  return setter === 'reserve' ? 'the reserve price' : `${setter}, the next in rank`;
}

/** The occasion, the statechart and named interests, as far as they are known. */
function factsText({ facts }: Receipt): string {
  if (facts === undefined) return '';
  const { interests, ...words } = facts;
  const known = Object.entries(words).filter(([, word]) => word !== '');
  const weights = Object.entries(interests).map(([topic, weight]) => {
    return `interest in ${topic} ${weight.toFixed(2)}`;
  });
  return [...known.map(([name, word]) => `${name} ${word}`), ...weights].join(', ');
}

/** What moved a signal most, where the receipt says so. */
function whyOf({ explanation }: Receipt, signal: string): string {
  if (explanation === undefined) return '';
  const concept = CONCEPTS.find((each) => each === signal);
  if (concept !== undefined) return logitParts(explanation.concepts[concept].features);
  const intent = INTENTS.find((each) => each === signal);
  return intent === undefined ? '' : logitParts(explanation.intents[intent].concepts);
}

function printCandidates({ candidates, excluded, reserve_micros }: Receipt): void {
  const total = Object.values(excluded).reduce((sum, n) => sum + n, 0);
  printLine(`\ncandidates, reserve ${money(reserve_micros)}`);
  printTable(
    ['campaign', 'bid', 'quality', 'score', 'out because'],
    candidates.map(({ campaign, bid_micros, quality_ppm, score, excluded: reason }) => [
      campaign,
      money(bid_micros),
      `${(quality_ppm / 10_000).toFixed(1)} %`,
      reason === undefined ? integer(Math.round(score / 1e6)) : '–',
      reason ?? '',
    ]),
  );
  const parts = candidates.find(({ excluded: reason }) => reason === undefined)?.contributions;
  if (parts !== undefined) printLine(`its quality: ${partsOf(parts)}`);
  if (total > 0) {
    const reasons = Object.entries(excluded).map(([reason, n]) => `${n} ${reason}`);
    printLine(`excluded: ${reasons.join(', ')}`);
  }
}

function partsOf(contributions: NonNullable<Candidate['contributions']>): string {
  return Object.entries(contributions)
    .map(([name, part]) => `${name} ${part.toFixed(3)}`)
    .join(' + ');
}

function printFlips({ bidFlip, conceptFlip }: Rerun): void {
  printLine('\nthe smallest change with another winner');
  const would = (winner: string | null): string => winner ?? 'nobody';
  if (bidFlip === undefined) printLine('  no single bid could change it');
  else {
    const { campaign, fromMicros, toMicros, winner } = bidFlip;
    const bids = `${units(fromMicros)} → ${units(toMicros)}`;
    printLine(`  the bid of ${campaign} ${bids}: ${would(winner)} would win`);
  }
  if (conceptFlip === undefined) printLine('  no value of any single concept could change it');
  else {
    const { concept, from, to, winner } = conceptFlip;
    const values = `${from.toFixed(3)} → ${to.toFixed(3)}`;
    printLine(`  ${concept} ${values}: ${would(winner)} would win`);
  }
}

/** To the last micro: flips are that small. */
function units(micros: number): string {
  return toUnits(micros).toFixed(6);
}

function printRerun(rerun: Rerun, { versions }: Receipt): void {
  const { isSame, stored, again } = rerun;
  printFlips(rerun);
  printLine();
  if (isSame) {
    printLine(`calculated again from the log: the same ${integer(stored.length)} characters`);
    return;
  }
  printLine('calculated again from the log, it comes out differently:');
  printLine(`  stored ${stored}`);
  printLine(`  now    ${again ?? 'no decision'}`);
  const now = again === undefined ? versions : (JSON.parse(again) as Receipt).versions;
  if (now.model === versions.model) return;
  printLine(
    `it was made by model ${versions.model}, which no message of the log before it holds; this ` +
      `release brings model ${now.model}: the release of that time gives the same`,
  );
}
