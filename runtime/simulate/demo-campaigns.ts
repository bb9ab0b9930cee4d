/**
 * The campaigns of the demo: three that compete, with different tastes in visitors, and one of the
 * house for places that nobody wins.
 */
import { type Campaign, campaignSchema } from '../../protocols/campaign.ts';

export const DEMO_CAMPAIGNS: readonly Campaign[] = [
  {
    id: 'WINTER_FLASH_SALE_15',
    name: 'Winter flash sale, 15 % off',
    trigger_type: 'in_app_modal',
    triggers: ['behavior'],
    bid_micros: 900_000,
    budget_micros: 50_000_000_000,
    daily_micros: 5_000_000_000,
    pacing: 'even',
    quality: { base: 0.1, weights: { engagement_intent: 0.5, purchase_intent: 0.4 } },
    multipliers: [{ when: 'interest("jackets") > 0.2 || interest("tents") > 0.2', factor: 1.5 }],
    frequency: { max_per_day: 3, min_spacing_s: 120 },
    holdout_ppm: 200_000,
  },
  {
    id: 'CART_REMINDER',
    name: 'Your cart is waiting',
    trigger_type: 'push_notification',
    triggers: ['behavior'],
    bid_micros: 700_000,
    budget_micros: 30_000_000_000,
    quality: { base: 0.05, weights: { hesitation: 0.5, purchase_intent: 0.6 } },
    pay_per: 'click',
    rule: 'purchase_intent > 0.2 && funnel in ["considering", "buying"]',
    frequency: { max_per_day: 2, min_spacing_s: 600 },
  },
  {
    id: 'WIN_BACK_VOUCHER',
    name: 'We are sorry: a voucher',
    trigger_type: 'in_app_modal',
    triggers: ['behavior'],
    bid_micros: 1_200_000,
    budget_micros: 20_000_000_000,
    quality: { base: 0.05, weights: { churn_risk: 0.7, frustration: 0.4 } },
    priority: 7,
    rule: 'churn_risk > 0.6 && risk != "churned"',
    frequency: { max_per_day: 1, min_spacing_s: 3_600 },
    quiet_hours: { from: '22:00', until: '08:00' },
  },
  {
    id: 'HOUSE_LOYALTY',
    name: 'Join our club',
    trigger_type: 'banner',
    house: true,
    bid_micros: 1,
    budget_micros: 0,
  },
].map((campaign) => campaignSchema.parse(campaign));
