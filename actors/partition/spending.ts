/**
 * A partition's side of grants: what it may spend under them, and when (ADR 6).
 *
 * Invariants:
 *   I5 What is spent under a grant never exceeds its allowance.
 */
import type { DeliveryCell } from '../../protocols/cells.ts';
import type { Grant } from '../../protocols/grant.ts';
import type { Micros } from '../../protocols/money.ts';

/**
 * Takes in a newer grant: for another window or day, spending in it starts at nothing; for the same
 * window it may be less than before, but not less than what is spent.
 */
export function takeGrant(delivery: DeliveryCell, grant: Grant, version: number): void {
  const before = delivery.grant;
  if (before?.from_ms !== grant.from_ms) delivery.window_micros = 0;
  if (before?.day_from_ms !== grant.day_from_ms) delivery.day_micros = 0;
  const allow_micros = Math.max(grant.allow_micros, delivery.window_micros);
  delivery.grant = { ...grant, allow_micros };
  delivery.grant_version = version;
}

/** What may be spent at a moment of the partition's clock; undefined if no grant is for it. */
export function leftMicros(
  { grant, window_micros }: DeliveryCell,
  clockMs: number,
): Micros | undefined {
  if (grant === null || clockMs < grant.from_ms || clockMs >= grant.until_ms) return undefined;
  return grant.allow_micros - window_micros;
}

/** Pays a price, if there is a grant for it now. */
export function pay(delivery: DeliveryCell, clockMs: number, micros: Micros): boolean {
  const left = leftMicros(delivery, clockMs);
  if (left === undefined || left < micros) return false;
  delivery.spent_micros += micros;
  delivery.window_micros += micros;
  delivery.day_micros += micros;
  return true;
}
