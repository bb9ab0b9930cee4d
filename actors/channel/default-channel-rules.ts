/**
 * The channel rules that hold unless an operator sets others: the default channel groups that
 * Google publishes for manually tagged traffic in GA4, with their names and in their order.
 *
 * Source: support.google.com/analytics/answer/9756891, "Channels for manual traffic", and the
 * AI Assistant group of 13 May 2026 ("What's new in Google Analytics"). That group's medium is
 * published, its place in the order is not; here it stands before the organic groups, so that a
 * link which names its medium is believed. What only a Google Ads or Display & Video 360 account
 * knows (a campaign's type, a creative's format) cannot be told from a link and is left out.
 */
import type { ChannelRules, RuleCondition } from '../../protocols/channel-rules.ts';

const PAID: RuleCondition = { field: 'medium', matches: '^(.*cp.*|ppc|retargeting|paid.*)$' };
const SHOP_CAMPAIGN: RuleCondition = {
  field: 'campaign',
  matches: '^(.*(([^a-df-z]|^)shop|shopping).*)$',
};
const SHOP: RuleCondition = { field: 'source_category', equals: 'shopping' };
const SEARCH: RuleCondition = { field: 'source_category', equals: 'search' };
const SOCIAL: RuleCondition = { field: 'source_category', equals: 'social' };
const VIDEO: RuleCondition = { field: 'source_category', equals: 'video' };

const BANNERS = ['display', 'banner', 'expandable', 'interstitial', 'cpm'];
const SOCIAL_MEDIA = [
  ...['social', 'social-network', 'social-media', 'sm', 'social network', 'social media'],
];
const EMAIL = ['email', 'e-mail', 'e_mail', 'e mail'];

/** The published groups, first match first. */
export const DEFAULT_CHANNEL_RULES: ChannelRules = {
  version: 'ga4-2026-05',
  fallback: 'Unassigned',
  rules: [
    {
      channel: 'Direct',
      when: [
        { field: 'source', equals: '(direct)' },
        { field: 'medium', one_of: ['(not set)', '(none)'] },
      ],
    },
    { channel: 'Cross-network', when: [{ field: 'campaign', contains: 'cross-network' }] },
    { channel: 'Paid Shopping', when: [{ any: [SHOP, SHOP_CAMPAIGN] }, PAID] },
    { channel: 'Paid Search', when: [SEARCH, PAID] },
    { channel: 'Paid Social', when: [SOCIAL, PAID] },
    { channel: 'Paid Video', when: [VIDEO, PAID] },
    { channel: 'Display', when: [{ field: 'medium', one_of: BANNERS }] },
    { channel: 'Paid Other', when: [PAID] },
    { channel: 'AI Assistant', when: [{ field: 'medium', equals: 'ai-assistant' }] },
    { channel: 'Organic Shopping', when: [{ any: [SHOP, SHOP_CAMPAIGN] }] },
    {
      channel: 'Organic Social',
      when: [{ any: [SOCIAL, { field: 'medium', one_of: SOCIAL_MEDIA }] }],
    },
    {
      channel: 'Organic Video',
      when: [{ any: [VIDEO, { field: 'medium', matches: '^(.*video.*)$' }] }],
    },
    {
      channel: 'Organic Search',
      when: [{ any: [SEARCH, { field: 'medium', equals: 'organic' }] }],
    },
    { channel: 'Referral', when: [{ field: 'medium', one_of: ['referral', 'app', 'link'] }] },
    {
      channel: 'Email',
      when: [
        {
          any: [
            { field: 'source', one_of: EMAIL },
            { field: 'medium', one_of: EMAIL },
          ],
        },
      ],
    },
    { channel: 'Affiliates', when: [{ field: 'medium', equals: 'affiliate' }] },
    { channel: 'Audio', when: [{ field: 'medium', equals: 'audio' }] },
    {
      channel: 'SMS',
      when: [
        {
          any: [
            { field: 'source', equals: 'sms' },
            { field: 'medium', equals: 'sms' },
          ],
        },
      ],
    },
    {
      channel: 'Mobile Push Notifications',
      when: [
        {
          any: [
            { field: 'medium', ends_with: 'push' },
            { field: 'medium', contains: 'mobile' },
            { field: 'medium', contains: 'notification' },
            { field: 'source', equals: 'firebase' },
          ],
        },
      ],
    },
  ],
};
