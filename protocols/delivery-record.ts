/**
 * A user's wins and trials as they are packed into the user's record.
 */
import { z } from 'zod';
import { type Exposure, OUTCOMES, type TrialEntry } from './user-snapshot.ts';

const int = z.int();
const PAID_ON = ['shown', 'clicked', 'converted'] as const;

/**
 * campaign, t, decision; then, unless they are nothing, a bit per outcome seen, and what makes a
 * price due (its place in PAID_ON) with the price.
 */
export const exposureRecord = z.tuple([z.string(), int, z.string()]).rest(int);
/** campaign, ppm, 1 for the control group, t, conversions, cents. */
export const trialRecord = z.tuple([z.string(), int, int, int, int, int]);

type PackedExposure = z.infer<typeof exposureRecord>;
type PackedTrial = z.infer<typeof trialRecord>;

/** A win as it is stored. */
export function packExposure({ campaign, t, decision, seen, owes }: Exposure): PackedExposure {
  let bits = 0;
  for (const outcome of seen) bits |= 1 << OUTCOMES.indexOf(outcome);
  if (owes !== null) return [campaign, t, decision, bits, PAID_ON.indexOf(owes.on), owes.micros];
  return bits === 0 ? [campaign, t, decision] : [campaign, t, decision, bits];
}

/** A stored win. */
export function unpackExposure([
  campaign,
  t,
  decision,
  bits,
  on,
  micros,
]: PackedExposure): Exposure {
  const paidOn = on === undefined ? undefined : PAID_ON[on];
  return {
    campaign,
    t,
    decision,
    seen: OUTCOMES.filter((_, i) => ((bits ?? 0) & (1 << i)) !== 0),
    owes: paidOn === undefined || micros === undefined ? null : { on: paidOn, micros },
  };
}

/** A trial as it is stored. */
export function packTrial({
  campaign,
  ppm,
  isControl,
  t,
  conversions,
  cents,
}: TrialEntry): PackedTrial {
  return [campaign, ppm, isControl ? 1 : 0, t, conversions, cents];
}

/** A stored trial. */
export function unpackTrial([
  campaign,
  ppm,
  control,
  t,
  conversions,
  cents,
]: PackedTrial): TrialEntry {
  return { campaign, ppm, isControl: control === 1, t, conversions, cents };
}
