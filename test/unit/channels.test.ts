/** The channel of a touch: the one it names, else where its utm, click id or referrer put it. */
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
const medium = (text: string) => ({ utm: { source: 'partner', medium: text } });
const from = (referrer: string) => ({ referrer });

test.each([
  [{ channel: 'Podcast', ...clickId('gclid'), ...medium('email') }, 'Podcast'],
  // What the link names goes before the click id, and that before the referrer.
  [{ ...clickId('gclid'), ...medium('email') }, 'Email'],
  [{ ...medium('email'), ...from('https://www.google.com/') }, 'Email'],
  [{ ...clickId('gclid'), ...from('https://www.facebook.com/') }, 'Paid Search'],
  [{ ...clickId('gclid'), utm: { source: 'partner' } }, 'Paid Search'],
  [{ ...clickId('gclid'), utm: { campaign: 'autumn-shop' } }, 'Paid Shopping'],
  [{ ...clickId('fbclid'), utm: { source: 'google' } }, 'Organic Search'],
  [medium('E-Mail'), 'Email'],
  [medium('newsletter'), 'Unassigned'],
  [medium('carrier pigeon'), 'Unassigned'],
  [{ ...medium('carrier pigeon'), ...from('https://bing.com/') }, 'Unassigned'],
  [{ utm: { medium: 'carrier pigeon' } }, 'Unassigned'],
  [{ utm: { source: 'partner' } }, 'Unassigned'],
  [{ utm: { source: 'facebook' } }, 'Organic Social'],
  [{ utm: { source: 'google' } }, 'Organic Search'],
  [{ utm: { source: '(direct)' } }, 'Direct'],
  [from('about:blank'), 'Direct'],
])('%j comes from %s', (fields, channel) => {
  expect(channelFrom(fields)).toBe(channel);
});

test.each([
  ['gclid', 'Paid Search'],
  ['GCLID', 'Paid Search'],
  ['gbraid', 'Paid Search'],
  ['wbraid', 'Paid Search'],
  ['msclkid', 'Paid Search'],
  ['dclid', 'Display'],
  ['ttclid', 'Paid Social'],
  ['twclid', 'Paid Social'],
  ['li_fat_id', 'Paid Social'],
  ['ScCid', 'Paid Social'],
  ['rdt_cid', 'Paid Social'],
  // Ordinary links carry these too, so that they prove no paid click.
  ['fbclid', 'Organic Social'],
  ['epik', 'Organic Social'],
  ['unheard_of', 'Unassigned'],
])('a click id %s alone is %s', (name, channel) => {
  expect(channelFrom(clickId(name))).toBe(channel);
});

test.each([
  ['https://google.com/', 'Organic Search'],
  ['https://www.google.co.uk/search?q=shoes', 'Organic Search'],
  ['https://news.google.com/', 'Organic Search'],
  ['https://www.google.com.br', 'Organic Search'],
  ['https://GOOGLE.de.:443/', 'Organic Search'],
  ['https://de.search.yahoo.com/', 'Organic Search'],
  ['https://duckduckgo.com', 'Organic Search'],
  ['www.bing.com/search', 'Organic Search'],
  ['//m.facebook.com/x', 'Organic Social'],
  ['https://x.com/', 'Organic Social'],
  ['https://groups.google.com/g/x', 'Organic Social'],
  ['https://www.pinterest.co.uk/pin/1', 'Organic Social'],
  ['https://www.amazon.com.mx/', 'Organic Shopping'],
  ['https://youtu.be/abc', 'Organic Video'],
  ['https://netflix.com/', 'Organic Video'],
  ['https://chatgpt.com/', 'AI Assistant'],
  ['https://gemini.google.com/app', 'AI Assistant'],
  ['https://user@shop.example:8080/p?u=google.com', 'Referral'],
  ['android-app://com.example', 'Referral'],
  ['https://[2001:db8::1]/x', 'Referral'],
])('a visitor from %s is %s', (referrer, channel) => {
  expect(channelFrom(from(referrer))).toBe(channel);
});

// Each of these once looked like Google, or would to a rule that looks for the name alone.
test.each([
  'https://google.com.evil.example/',
  'https://www.google.com.evil.example/search',
  'https://google.co.uk.evil.example/',
  'https://google.evil.example/',
  'https://notgoogle.com/',
  'https://google-com.example/',
  'https://evil.example/google.com',
  'https://evil.example?google.com',
  'https://evil.example#@google.com/',
  'https://youtu.be.evil.example/',
  'https://m.facebook.com.evil.example/',
  'https://google.com@evil.example/',
  'https://evil.example\\@google.com/',
  'https://google.evil/',
  'https://google.com.evil.co/',
  'https://at.co/',
  'https://fax.com/',
  'google.com.evil.example',
])('%s is a site like any other', (referrer) => {
  expect(channelFrom(from(referrer))).toBe('Referral');
});

test('a referrer whose host is longer than hosts can be is no referrer', () => {
  expect(channelFrom(from(`https://${'a.'.repeat(130)}example/`))).toBe('Direct');
});

test.each(['constructor', '__PROTO__', 'toString', 'hasOwnProperty'])(
  'the name %s means nothing special as click id, source or referrer',
  (name) => {
    expect(channelFrom(clickId(name))).toBe('Unassigned');
    expect(channelFrom({ utm: { source: name } })).toBe('Unassigned');
    expect(channelFrom(from(`https://${name}.com/`))).toBe('Referral');
  },
);
