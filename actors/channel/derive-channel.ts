/**
 * The channel of a touch: the one it names, else derived from click id, utm and referrer by the
 * first rule that fits.
 */
import type { TouchEvent } from '../../protocols/event.ts';

/** Click ids that ad networks append to links, by network kind; names come from outside. */
const CLICK_ID_CHANNEL: ReadonlyMap<string, string> = new Map([
  ['gclid', 'paid_search'],
  ['msclkid', 'paid_search'],
  ['fbclid', 'paid_social'],
  ['ttclid', 'paid_social'],
  ['twclid', 'paid_social'],
  ['li_fat_id', 'paid_social'],
]);

const MEDIUM_CHANNEL: readonly (readonly [RegExp, string])[] = [
  [/^(cpc|ppc|paid[-_ ]?search|sem)$/i, 'paid_search'],
  [/^(paid[-_ ]?social|social[-_ ]?paid)$/i, 'paid_social'],
  [/^(social|social[-_ ]?(network|media)|sm)$/i, 'organic_social'],
  [/^(e[-_ ]?mail|newsletter)$/i, 'email'],
  [/^(display|banner|cpm|interstitial)$/i, 'display'],
  [/^(video|ctv|tv)$/i, 'video'],
  [/^affiliates?$/i, 'affiliate'],
  [/^(push|mobile|notification)$/i, 'push'],
  [/^sms$/i, 'sms'],
  [/^organic$/i, 'organic_search'],
  [/^(referral|app|link)$/i, 'referral'],
];

const SEARCH_HOST = /(^|\.)(google|bing|duckduckgo|yahoo|baidu|yandex|ecosia)\.[a-z.]+$/i;
const SOCIAL_HOST =
  /(^|\.)(facebook|instagram|tiktok|linkedin|pinterest|reddit|youtube|x|twitter)\.[a-z.]+$/i;
const HOST = /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/@?#]*@)?([^/:?#]+)/i;

/** The channel of a touch; `parseEvent` has made sure that one of its sources is there. */
export function channelOf(touch: TouchEvent): string {
  if (touch.channel !== undefined) return touch.channel;
  const clickChannel = CLICK_ID_CHANNEL.get(touch.click_id?.name.toLowerCase() ?? '');
  if (clickChannel !== undefined) return clickChannel;
  const medium = touch.utm?.medium;
  if (medium !== undefined) {
    const rule = MEDIUM_CHANNEL.find(([pattern]) => pattern.test(medium));
    if (rule !== undefined) return rule[1];
  }
  const host = HOST.exec(touch.referrer ?? '')?.[1];
  if (host !== undefined) {
    if (SEARCH_HOST.test(host)) return 'organic_search';
    return SOCIAL_HOST.test(host) ? 'organic_social' : 'referral';
  }
  return touch.utm?.source === undefined ? 'unassigned' : 'other';
}
