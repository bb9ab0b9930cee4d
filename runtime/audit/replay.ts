/**
 * The log taken in from its first message, in order, as docs/semantics.md says: what becomes of
 * each event, and the letter or receipt that has to be stored for it.
 */
import { channelOf, rulesOf } from '../../actors/channel/derive-channel.ts';
import { isSampled, PATH_SAMPLE_SEED } from '../../actors/channel/sampling.ts';
import { type Control, controlSchema } from '../../protocols/control.ts';
import { type Event, parseEvent } from '../../protocols/event.ts';
import { decodeUserToken } from '../../protocols/ids.ts';
import { toMicros } from '../../protocols/money.ts';
import type { Settings } from '../../protocols/settings.ts';
import { parseLogSubject } from '../../protocols/subjects.ts';
import { upcast } from '../../protocols/upcast.ts';
import type { SettledOrder } from '../../protocols/user-snapshot.ts';
import { DecisionCheck } from './decision-check.ts';
import type { Differences } from './differences.ts';
import { ExpectedPartition } from './expected-partition.ts';
import type { ExpectedUser, UserNews } from './expected-user.ts';
import { type AuditRecord, LetterCheck } from './letter-check.ts';
import { shortId } from './seen-before.ts';
import type { StoredLive } from './stored-live.ts';
import type { StoredView } from './stored-view.ts';

type Parsed<T> = { readonly value: T } | { readonly wrongField: string };

export class LogReplay {
  readonly partitions = new Map<number, ExpectedPartition>();
  readonly letters: LetterCheck;
  readonly decisions: DecisionCheck;
  events = 0;
  readonly #positions: StoredLive['positions'];

  /** @param positions by partition, the last place in its log whose pulse is folded. */
  constructor(
    stored: StoredView,
    differences: Differences,
    positions: StoredLive['positions'] = {},
  ) {
    this.#positions = positions;
    this.letters = new LetterCheck(stored, differences);
    this.decisions = new DecisionCheck(stored, differences);
  }

  partition(number: number): ExpectedPartition {
    const known = this.partitions.get(number);
    if (known !== undefined) return known;
    const partition = new ExpectedPartition(number, this.#positions[String(number)]);
    this.partitions.set(number, partition);
    return partition;
  }

  /** Takes in the next message of the log. */
  take(record: AuditRecord): void {
    const subject = parseLogSubject(record.subject);
    if (subject === undefined) {
      this.letters.stray(record);
      return;
    }
    const partition = this.partition(subject.partition);
    partition.tick(record.sequence, record.storedAtMs);
    if (subject.kind === 'event') this.events++;
    if (this.letters.isBlamed(partition.partition, record)) {
      // The rest is judged as if it had been right to give it up.
      this.#refuse(partition, record, 'event');
      return;
    }
    if (subject.kind === 'control') {
      const control = parseControl(record.body);
      const isTaken = control !== undefined && partition.control(control);
      if (!isTaken) this.#refuse(partition, record, 'control');
      return;
    }
    const event = parseOf(partition, record, subject.token);
    if ('value' in event) this.#takeEvent(partition, subject.token, event.value, record.sequence);
    else this.#refuse(partition, record, event.wrongField);
  }

  #takeEvent(partition: ExpectedPartition, token: string, event: Event, sequence: number): void {
    const { traffic } = partition;
    const user = partition.user(token);
    if (user.seen.has(event)) {
      traffic.duplicates++;
      return;
    }
    if (event.type === 'conversion' && isKnownOrder(user, event.order_id)) {
      traffic.duplicates++;
      user.seen.admit(event);
      user.sequence = sequence;
      return;
    }
    const before = { ...traffic };
    const news = this.#takeAccepted(partition, user, event, sequence);
    partition.live.event(event, news, before, traffic);
  }

  #takeAccepted(
    partition: ExpectedPartition,
    user: ExpectedUser,
    event: Event,
    sequence: number,
  ): UserNews {
    const { settings } = partition;
    const isTooLate = comesTooLate(partition, user, event.timestamp);
    partition.count(event);
    // Whatever the event does to the consent to remember the win.
    if (event.type === 'outcome') partition.delivery.outcome(user.wins, event);
    const news = user.take(event, sequence, partition);
    if (!user.allows('measurement', settings)) withoutPath(partition, user, event);
    else if (isInSample(user.token, settings)) takeOnPath(partition, user, event, isTooLate);
    else outsideSample(partition, user, event);
    if (!user.allows('personalization', settings)) return news;
    if (event.type === 'conversion') takeResult(partition, user, event);
    this.decisions.take(partition, user, event, sequence);
    return news;
  }

  #refuse(partition: ExpectedPartition, record: AuditRecord, field: string): void {
    partition.traffic.rejected++;
    this.letters.refused(partition.partition, record, field);
  }
}

/** What a conversion says of wins and trials. */
function takeResult(
  { settings, delivery }: ExpectedPartition,
  user: ExpectedUser,
  event: Extract<Event, { type: 'conversion' }>,
): void {
  if (!user.allows('measurement', settings)) return;
  const windowMs = settings.outcome_window_ms;
  delivery.conversion(user.wins, event, windowMs);
  user.trials.conversion(event.timestamp, event.value, windowMs);
}

function parseControl(body: Uint8Array): Control | undefined {
  try {
    const message = upcast('control', JSON.parse(new TextDecoder().decode(body)));
    return controlSchema.safeParse(message).data;
  } catch {
    // Neither JSON nor a version that anybody knows: refused like any other.
    return undefined;
  }
}

function parseOf(
  { settings }: ExpectedPartition,
  { body, storedAtMs }: AuditRecord,
  token: string,
): Parsed<Event> {
  if (!('token' in decodeUserToken(token))) return { wrongField: 'user_id' };
  const parsed = parseEvent(body, storedAtMs);
  if (!parsed.ok) return { wrongField: parsed.rejection.field };
  const { event } = parsed;
  const isForeign = event.type === 'conversion' && event.currency !== settings.currency;
  return isForeign ? { wrongField: 'currency' } : { value: event };
}

function comesTooLate({ settings }: ExpectedPartition, user: ExpectedUser, t: number): boolean {
  if (user.events === 0) return false;
  return t < user.nowMs - settings.lateness_ms || t <= user.path.settledMs;
}

function isInSample(token: string, { path_sample_ppm: ppm }: Settings): boolean {
  return ppm === 1_000_000 || isSampled(token, PATH_SAMPLE_SEED, ppm);
}

function outsideSample(partition: ExpectedPartition, user: ExpectedUser, event: Event): void {
  const { traffic } = partition;
  if (event.type === 'impression' || event.type === 'click') traffic.touches_sampled_out++;
  if (event.type === 'conversion') traffic.conversions_sampled_out++;
  user.path.leaveSample(user.nowMs);
  if (event.type === 'refund') takeRefund(partition, user, event);
}

function isKnownOrder({ path }: ExpectedUser, order: string): boolean {
  return path.conversionOf(order) !== undefined || path.settledOrderOf(order) !== undefined;
}

function takeOnPath(
  partition: ExpectedPartition,
  user: ExpectedUser,
  event: Event,
  isTooLate: boolean,
): void {
  const { settings, traffic } = partition;
  const { timestamp: t } = event;
  const id = shortId(event.event_id);
  if (event.type === 'refund') takeRefund(partition, user, event);
  if (event.type === 'conversion') {
    if (isTooLate) traffic.conversions_too_late++;
    else takeConversion(partition, user, event, id);
  }
  if (event.type !== 'impression' && event.type !== 'click') return;
  const { campaign } = event;
  const channel = channelOf(event, rulesOf(settings));
  const touch = { t, id, channel, ...(campaign !== undefined && { campaign }) };
  if (isTooLate) traffic.touches_too_late++;
  else user.path.place(touch, user.nowMs, settings);
}

/** What a refund of some micros, or of all, leaves; undefined if nothing of the conversion. */
function leftOf(micros: number, back: number | undefined): number | undefined {
  return back !== undefined && back < micros ? micros - back : undefined;
}

function takeConversion(
  { settings, traffic }: ExpectedPartition,
  user: ExpectedUser,
  event: Extract<Event, { type: 'conversion' }>,
  id: string,
): void {
  const { timestamp: t, order_id: order } = event;
  const micros = toMicros(event.value);
  const earlier = user.path.takeRefunds(order);
  let left: number | undefined = micros;
  if (earlier !== undefined) {
    left = leftOf(micros, earlier.isWhole ? undefined : earlier.micros);
    traffic.refunds_unmatched -= earlier.count;
    traffic.refunded_micros += micros - (left ?? 0) - earlier.micros;
  }
  if (left !== undefined) {
    user.path.place({ t, id, order, micros: left }, user.nowMs, settings);
    return;
  }
  user.path.takeBack(order, t);
  user.path.touch(user.nowMs, settings);
}

function takeRefund(
  { settings, traffic }: ExpectedPartition,
  user: ExpectedUser,
  { timestamp: t, order_id: order, value }: Extract<Event, { type: 'refund' }>,
): void {
  const back = value === undefined ? undefined : toMicros(value);
  const conversion = user.path.conversionOf(order);
  const found = conversion ?? user.path.settledOrderOf(order);
  if (found === undefined) {
    traffic.refunds_unmatched++;
    traffic.refunded_micros += back ?? 0;
    const refund = { order, t, count: 1, micros: back ?? 0, isWhole: back === undefined };
    user.path.wait(refund, user.nowMs, settings);
    return;
  }
  const left = leftOf(found.micros, back);
  traffic.refunded_micros += found.micros - (left ?? 0);
  if (conversion !== undefined) user.path.refund(conversion, left, user.nowMs, settings);
  else user.path.refundSettled(found as SettledOrder, left);
}

function withoutPath({ traffic }: ExpectedPartition, user: ExpectedUser, event: Event): void {
  if (event.type === 'conversion') traffic.conversions_without_path++;
  if (event.type === 'refund') {
    traffic.refunds_unmatched++;
    traffic.refunded_micros += toMicros(event.value ?? 0);
  }
  user.path.forget(user.nowMs);
}
