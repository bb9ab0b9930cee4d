/** The channel of a touch: the one it names, else the first rule that fits. */
import { expect, test } from 'vitest';
import { channelOf } from '../../actors/channel/derive-channel.ts';
import { parseEventJson, type TouchEvent } from '../../protocols/event.ts';
import { BASE_MS, common } from '../generators.ts';

/** The channel that a click with these fields comes from, through the parser as in production. */
function channelFrom(fields: object): string {
  const parsed = parseEventJson({ ...common(1, BASE_MS), type: 'click', ...fields }, BASE_MS);
  if (!parsed.ok) throw new Error(parsed.rejection.field);
  return channelOf(parsed.event as TouchEvent);
}

const clickId = (name: string) => ({ click_id: { name, value: 'x' } });
const medium = (text: string) => ({ utm: { source: 'shop', medium: text } });
const from = (referrer: string) => ({ referrer });

test.each([
  [{ channel: 'Podcast', ...clickId('gclid'), ...medium('email') }, 'Podcast'],
  [{ ...clickId('gclid'), ...medium('email') }, 'paid_search'],
  [clickId('GCLID'), 'paid_search'],
  [clickId('fbclid'), 'paid_social'],
  [clickId('unheard_of'), 'unassigned'],
  [{ ...medium('email'), ...from('https://www.google.com/') }, 'email'],
  [medium('cpc'), 'paid_search'],
  [medium('Paid-Social'), 'paid_social'],
  [medium('social'), 'organic_social'],
  [medium('E-Mail'), 'email'],
  [medium('newsletter'), 'email'],
  [medium('banner'), 'display'],
  [medium('affiliates'), 'affiliate'],
  [medium('carrier pigeon'), 'other'],
  [{ ...medium('carrier pigeon'), ...from('https://bing.com/') }, 'organic_search'],
  [{ utm: { medium: 'carrier pigeon' } }, 'unassigned'],
  [{ utm: { source: 'shop' } }, 'other'],
  [from('https://www.google.co.uk/search?q=shoes'), 'organic_search'],
  [from('https://duckduckgo.com'), 'organic_search'],
  [from('//m.facebook.com/x'), 'organic_social'],
  [from('https://x.com/'), 'organic_social'],
  [from('https://notgoogle.com/'), 'referral'],
  [from('https://netflix.com/'), 'referral'],
  [from('https://user@shop.example:8080/p?u=google.com'), 'referral'],
  [from('android-app://com.example'), 'referral'],
  [from('about:blank'), 'unassigned'],
])('%j comes from %s', (fields, channel) => {
  expect(channelFrom(fields)).toBe(channel);
});

test.each(['constructor', '__PROTO__', 'toString', 'hasOwnProperty'])(
  'the click id %s is a name like any other',
  (name) => {
    expect(channelFrom(clickId(name))).toBe('unassigned');
  },
);
