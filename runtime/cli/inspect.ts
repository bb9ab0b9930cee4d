/**
 * `microtarget inspect`: actors as operators see them.
 */
import type { Decision } from '../../protocols/decision.ts';
import {
  partitionsReportSchema,
  type UserReport,
  userReportSchema,
} from '../../protocols/services.ts';
import { SERVICES } from '../../protocols/subjects.ts';
import { CONCEPTS, INTENTS, isPathConversion, MODALITIES } from '../../protocols/user-snapshot.ts';
import { bar, integer, logitParts, money, printJson, printLine, printTable } from './print.ts';
import { ask, connectAs } from './session.ts';

const REGIONS = {
  consent: ['unasked', 'granted', 'limited', 'refused'],
  session: ['idle', 'active'],
  funnel: ['aware', 'exploring', 'considering', 'buying', 'customer', 'lapsed'],
  risk: ['steady', 'drifting', 'atRisk', 'churned'],
} as const;
const SHOWN_TOUCHES = 12;
const SHOWN_INTERESTS = 8;

/** Shows one user. */
export async function inspectUserCommand(user: string, options: { json?: boolean }): Promise<void> {
  const nc = await connectAs('ops', 'inspect');
  try {
    const report = await ask(nc, SERVICES.inspectUser, { user }, userReportSchema);
    if (options.json === true) printJson(report);
    else printUser(report);
  } finally {
    await nc.close();
  }
}

/** Shows who works on each partition and what waits. */
export async function inspectPartitionsCommand(options: { json?: boolean }): Promise<void> {
  const nc = await connectAs('ops', 'inspect');
  try {
    const report = await ask(nc, SERVICES.inspectPartitions, {}, partitionsReportSchema);
    if (options.json === true) {
      printJson(report);
      return;
    }
    printTable(
      ['partition', 'owner', 'epoch', 'stored up to', 'waiting'],
      report.partitions.map(({ partition, owner, epoch, sequence, lag }) => [
        String(partition),
        owner === '' ? '(nobody)' : owner,
        String(epoch),
        integer(sequence),
        integer(lag),
      ]),
    );
  } finally {
    await nc.close();
  }
}

function printUser(report: UserReport): void {
  const { user_id, partition, snapshot, last_decision, as_of_ms } = report;
  const { state, chart } = snapshot;
  printLine(`user ${user_id}   partition ${partition}, last event ${snapshot.sequence} of the log`);
  printLine(
    `${integer(state.events)} events, ${state.session.count} sessions, last seen ` +
      `${iso(state.nowMs)} (as of ${iso(as_of_ms)})`,
  );
  printLine('\nstatechart');
  for (const [region, states] of Object.entries(REGIONS)) {
    const current = chart[region as keyof typeof REGIONS];
    const drawn = states.map((each) => (each === current ? `[${each}]` : ` ${each} `)).join(' ');
    printLine(`  ${region.padEnd(8)} ${drawn}`);
  }
  printScores(report);
  printPath(state.path);
  printDecision(last_decision);
}

function printScores({
  snapshot,
  model_version,
  explanation,
  unscored,
  interests,
}: UserReport): void {
  const { state } = snapshot;
  if (unscored !== undefined) {
    printLine(`\nno scores by model ${model_version} here: ${unscored}`);
    printLine('the receipt of a decision holds those that it was made by');
    return;
  }
  if (explanation === null) {
    printLine('\nno scores: nothing may be known of this user');
    return;
  }
  printLine('\nfused state');
  MODALITIES.forEach((modality, i) => {
    const isAbsent = explanation.absent.includes(modality);
    printLine(`  ${modality.padEnd(18)} ${isAbsent ? '(absent)' : bar(state.fusion[i] ?? 0)}`);
  });
  printLine(`\nconcepts, by model ${model_version}, and the features that moved them most`);
  for (const concept of CONCEPTS) {
    const why = logitParts(explanation.concepts[concept].features);
    printLine(`  ${concept.padEnd(18)} ${bar(state.concepts[concept])}  ${why}`);
  }
  printLine('\nintents, and the concepts that moved them most');
  for (const intent of INTENTS) {
    const why = logitParts(explanation.intents[intent].concepts);
    printLine(`  ${intent.padEnd(18)} ${bar(state.intents[intent])}  ${why}`);
  }
  const parts = state.intents.conversion_window.map((p) => `${(p * 100).toFixed(0)} %`);
  const [now, today, week, later] = parts;
  printLine(`  ${'buys'.padEnd(18)} now ${now}, today ${today}, this week ${week}, later ${later}`);
  const topics = Object.entries(interests).sort(([, a], [, b]) => b - a);
  if (topics.length === 0) return;
  printLine('\ninterests');
  for (const [topic, weight] of topics.slice(0, SHOWN_INTERESTS)) {
    const declared = state.interests[topic]?.declared === true ? '  declared' : '';
    printLine(`  ${topic.padEnd(18)} ${bar(weight)}${declared}`);
  }
}

function printPath(path: UserReport['snapshot']['state']['path']): void {
  printLine('\npath');
  if (path.length === 0) {
    printLine('  no channel touch is remembered');
    return;
  }
  const shown = path
    .slice(-SHOWN_TOUCHES)
    .map((item) =>
      isPathConversion(item) ? `◆ order ${item.order} (${money(item.micros)})` : item.channel,
    );
  const earlier = path.length - shown.length;
  printLine(`  ${earlier > 0 ? `… ${earlier} earlier → ` : ''}${shown.join(' → ')}`);
}

function printDecision(decision: Decision | null): void {
  printLine('\nlast decision');
  if (decision === null) {
    printLine('  none so far');
    return;
  }
  const { winner_campaign, trigger_type } = decision.orchestration;
  const what =
    winner_campaign === null ? 'no campaign qualified' : `${winner_campaign} as ${trigger_type}`;
  printLine(`  ${decision.decision_id}: ${what}, after ${decision.latency_ms.toFixed(1)} ms`);
  printLine(`  because ${decision.rtme_state.concept}; receipt ${decision.receipt_id}`);
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}
