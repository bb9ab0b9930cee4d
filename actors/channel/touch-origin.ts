/**
 * Where a touch came from, in the words that channel rules use: source, medium and campaign from
 * its utm parameters, else from its click id, else from its referrer.
 *
 * Invariants:
 *   O1 All text is in lower case; what is not known reads "(not set)".
 *   O2 A medium that the link names is never overruled by a click id or a referrer.
 */
import { NOT_SET, type RuleField } from '../../protocols/channel-rules.ts';
import type { TouchEvent } from '../../protocols/event.ts';
import type { SourceLookup } from './source-categories.ts';

/** What the event says, before anything is concluded; '' where it says nothing. */
export interface TouchSigns {
  readonly source: string;
  readonly medium: string;
  readonly campaign: string;
  readonly clickId: string;
  readonly host: string;
}

/** The fields that rules look at, and which part of the event gave source and medium. */
export interface TouchOrigin extends Readonly<Record<RuleField, string>> {
  readonly from: 'utm' | 'click_id' | 'referrer' | 'nothing';
}

interface ClickSource {
  readonly source: string;
  /** Missing where the network marks ordinary links too: the id proves no paid click. */
  readonly medium?: string;
}

/**
 * What a click id alone says; an addition of ours to the published rules. In this order, where a
 * link carries several: an id that only ads carry says more than one that any link may carry.
 */
const CLICK_SOURCES: ReadonlyMap<string, ClickSource> = new Map([
  ['gclid', { source: 'google', medium: 'cpc' }],
  ['gbraid', { source: 'google', medium: 'cpc' }],
  ['wbraid', { source: 'google', medium: 'cpc' }],
  ['msclkid', { source: 'bing', medium: 'cpc' }],
  // Display & Video 360 and Campaign Manager: banners, not search results.
  ['dclid', { source: 'google', medium: 'display' }],
  ['ttclid', { source: 'tiktok', medium: 'cpc' }],
  ['twclid', { source: 'twitter', medium: 'cpc' }],
  ['li_fat_id', { source: 'linkedin', medium: 'cpc' }],
  ['sccid', { source: 'snapchat', medium: 'cpc' }],
  ['rdt_cid', { source: 'reddit', medium: 'cpc' }],
  ['epik', { source: 'pinterest' }],
  ['fbclid', { source: 'facebook' }],
]);

/** The click ids that say something about a channel, the most telling first. */
export const CLICK_ID_NAMES: readonly string[] = [...CLICK_SOURCES.keys()];

const AI_MEDIUM = 'ai-assistant';
const AI_CAMPAIGN = '(ai-assistant)';

const HOST_CHARS_MAX = 253;
const HOST = /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/\\@?#]*@)?(\[[^\]]*\]|[^/\\:?#]+)/i;
/** A host without a scheme; a dot tells it from `about:blank`. */
const BARE_HOST = /^([a-z0-9-]+(?:\.[a-z0-9-]+)+\.?)(?:[/\\:?#]|$)/i;

/** Reads the parts of a touch that rules may look at; O(its length). */
export function signsOf({ utm, campaign, click_id, referrer }: TouchEvent): TouchSigns {
  return {
    source: utm?.source?.toLowerCase() ?? '',
    medium: utm?.medium?.toLowerCase() ?? '',
    campaign: (utm?.campaign ?? campaign ?? '').toLowerCase(),
    clickId: click_id?.name.toLowerCase() ?? '',
    host: hostOf(referrer ?? ''),
  };
}

/**
 * Concludes source and medium from the signs of a touch.
 *
 * @param kindOf the sources that the rule set knows.
 */
export function originOf(signs: TouchSigns, kindOf: SourceLookup): TouchOrigin {
  const { campaign, clickId, host } = signs;
  const found = sourceAndMedium(signs, kindOf);
  const kind = kindOf(found.source);
  const isAssistant = found.medium === AI_MEDIUM && kind === 'ai_assistant';
  return {
    source: found.source || NOT_SET,
    medium: found.medium || NOT_SET,
    campaign: campaign || (isAssistant ? AI_CAMPAIGN : NOT_SET),
    click_id: clickId || NOT_SET,
    referrer_host: host || NOT_SET,
    source_category: kind === undefined || kind === 'ai_assistant' ? NOT_SET : kind,
    from: found.from,
  };
}

type Found = Pick<TouchOrigin, 'source' | 'medium' | 'from'>;

function sourceAndMedium(signs: TouchSigns, kindOf: SourceLookup): Found {
  const { source, medium, clickId, host } = signs;
  if (medium !== '') return { source, medium, from: 'utm' };
  const click = CLICK_SOURCES.get(clickId);
  // An id that only ads carry names the network for sure; a source alone may be anything.
  if (click?.medium !== undefined) {
    return { source: click.source, medium: click.medium, from: 'click_id' };
  }
  // Assistants mark their links with a source and no medium.
  if (source !== '') return { source, medium: assistantMedium(source, kindOf), from: 'utm' };
  if (click !== undefined) return { source: click.source, medium: '', from: 'click_id' };
  if (host !== '') {
    const organic = kindOf(host) === 'search' ? 'organic' : 'referral';
    return { source: host, medium: assistantMedium(host, kindOf) || organic, from: 'referrer' };
  }
  // An id that nobody knows is still no direct visit.
  if (clickId !== '') return { source: '', medium: '', from: 'nothing' };
  return { source: '(direct)', medium: '(none)', from: 'nothing' };
}

function assistantMedium(source: string, kindOf: SourceLookup): string {
  return kindOf(source) === 'ai_assistant' ? AI_MEDIUM : '';
}

/** The host of a referrer in lower case, without "www."; '' if there is none. */
function hostOf(referrer: string): string {
  if (referrer === '') return '';
  const host = (HOST.exec(referrer) ?? BARE_HOST.exec(referrer))?.[1] ?? '';
  if (host.length > HOST_CHARS_MAX) return '';
  return host
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^www\./, '');
}
