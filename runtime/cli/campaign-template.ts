/**
 * `microtarget campaigns template`: a campaign with every field there is, to be edited.
 *
 * Owns the words beside the fields; `test/unit/campaign-file.test.ts` holds fields and defaults
 * against the schema.
 */
import { printLine } from './print.ts';

/** Prose is behind "# ", optional fields with an example behind "#". */
export const CAMPAIGN_TEMPLATE = `\
# A campaign for \`microtarget campaigns apply <file>\`; docs/campaigns.md says more.
#
# Amounts are in micros, millionths of the unit of the reporting currency: 1500000 is 1.50.
# What stands here is the default, but for id, name, trigger_type, bid_micros and budget_micros,
# which every campaign needs. Fields behind a # are optional; what they show is an example.

# Letters, digits, _ and -; it can never be changed.
id: spring_sale
name: Spring sale, 15 % off
# What the application shows, in words that it knows.
trigger_type: in_app_modal

# Which events may start an auction for it, beside those that ask for a decision: any of behavior,
# impression, click, conversion.
triggers: [behavior]
# The placements it fits; none named means all.
placements: []

# The most it pays for one win, and for what: win, or the first impression, click or action
# (conversion) that is reported of a win.
bid_micros: 900000
pay_per: win
# A house campaign fills places that nobody wins; it neither bids nor pays.
house: false
# 0 to 9: whoever has the greater priority ranks first, whatever the scores.
priority: 5

# The most it may spend in all; on a day and in an hour of its time zone.
budget_micros: 500000000
#daily_micros: 20000000
#hourly_micros: 2000000
time_zone: UTC
# even spreads each day (or, without daily_micros, the schedule) as traffic is expected.
pacing: asap
# Throttles it, with an alert, when it spends more than this in so long a time.
#breaker:
#  spend_micros: 5000000
#  within_s: 60

# How well it fits a user: base + sum of weight x signal, held to 0.01 ... 1. Signals are
# engagement_intent, purchase_intent, churn_risk, frustration, stickiness, drop_off, hesitation,
# urgency, curiosity, price_sensitivity, loyalty.
quality:
  base: 0.5
  weights: {}
# Quality is multiplied by each factor (0.125 to 8) whose rule holds.
multipliers: []
#multipliers:
#  - when: device == "mobile" && urgency > 0.6
#    factor: 1.5

# Whom it is for: a rule in CEL, and bounds that every named signal must lie in.
#rule: funnel in ["considering", "buying"] && interest("shoes") > 0.3
targeting: {}
#targeting:
#  churn_risk:
#    min: 0.6
#    max: 1

# How often one user may see it.
frequency:
  # In any 24 hours, and on a day of the user's calendar.
  max_per_day: 3
  #max_per_calendar_day: 2
  # Within other times.
  #windows:
  #  - max: 5
  #    within_s: 604800
  # The least time between two wins.
  min_spacing_s: 60
# When it is not shown, by the user's own clock.
#quiet_hours:
#  from: "22:00"
#  until: "08:00"

# Users per million whom it is withheld from, to measure what it causes: docs/lift.md.
holdout_ppm: 0

# When it runs, Unix milliseconds.
#schedule:
#  starts_at_ms: 1900000000000
#  ends_at_ms: 1902592000000

# Only change it if this is the revision in force; \`campaigns list --json\` shows it.
#revision: 1
`;

/** Prints it. */
export function printCampaignTemplate(): void {
  printLine(CAMPAIGN_TEMPLATE.trimEnd());
}
