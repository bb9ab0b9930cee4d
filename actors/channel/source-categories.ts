/**
 * Which sources are search engines, social networks, shops and video sites.
 *
 * A selection of the main ones from the list that Google publishes with the GA4 default channel
 * groups ("sources and source categories", some 820 entries), in the same form: a name (`google`)
 * or a site (`youtu.be`, with everything below it). `google.*` is a site with country endings.
 * Those under "ours" are younger than the list. A rule set adds to it with `sources`.
 *
 * Invariant:
 *   H1 A host belongs to a site only if it is the site or ends in "." and the site:
 *      `google.com.evil.example` and `notgoogle.com` are not Google.
 */
import {
  type ChannelRules,
  SOURCE_CATEGORIES,
  type SourceCategory,
} from '../../protocols/channel-rules.ts';

/** Google names ChatGPT, Gemini and Claude and publishes no hosts; this list is ours. */
const AI_ASSISTANTS: readonly string[] = [
  ...['chatgpt.com', 'chat.openai.com', 'gemini.google.com', 'claude.ai'],
  ...['copilot.microsoft.com', 'chat.deepseek.com', 'grok.com', 'perplexity.ai'],
];

const KNOWN_SOURCES: Readonly<Record<SourceCategory, readonly string[]>> = {
  search: [
    ...['google', 'google.*', 'google-play', 'googlemybusiness', 'bing', 'bing.com', 'yahoo'],
    ...['yahoo.*', 'duckduckgo', 'baidu', 'yandex', 'yandex.*', 'ecosia.org', 'qwant'],
    ...['qwant.com', 'naver', 'naver.com', 'daum', 'daum.net', 'seznam', 'seznam.cz', 'sogou'],
    ...['sogou.com', 'so.com', '360.cn', 'aol', 'search.aol.com', 'ask', 'msn', 'msn.com'],
    ...['dogpile', 'dogpile.com', 'lycos', 'excite.com', 'rambler', 'rambler.ru', 'go.mail.ru'],
    ...['rakuten', 'rakuten.co.jp', 'babylon', 'avg', 'comcast', 'onet', 'onet.pl', 'biglobe'],
    ...['startsiden', 'startsiden.no', 'centrum.cz', 'virgilio', 'globo', 'terra', 'eniro'],
    // Ours: engines and sites whose name alone is on the list, or that came after it.
    ...['duckduckgo.com', 'baidu.com', 'ecosia', 'ya.ru', 'ask.com', 'aol.com', 'lycos.com'],
    ...['search.brave.com', 'startpage', 'startpage.com', 'kagi', 'kagi.com', 'mojeek.com'],
  ],
  social: [
    ...['facebook', 'facebook.com', 'fb', 'fb.me', 'instagram', 'instagram.com', 'ig'],
    ...['messenger', 'messenger.com', 'whatsapp', 'whatsapp.com', 'twitter', 'twitter.com'],
    ...['t.co', 'tweetdeck', 'linkedin', 'linkedin.com', 'lnkd.in', 'pinterest', 'pinterest.*'],
    ...['reddit', 'reddit.com', 'tiktok', 'tiktok.com', 'snapchat', 'snapchat.com', 'tumblr'],
    ...['tumblr.com', 'quora', 'quora.com', 'medium.com', 'vk.com', 'vkontakte.ru', 't.me'],
    ...['odnoklassniki.ru', 'weibo', 'weibo.com', 'wechat', 'wechat.com', 'line', 'line.me'],
    ...['kakao', 'kakao.com', 'xing', 'xing.com', 'yelp', 'yelp.*', 'meetup', 'meetup.com'],
    ...['tripadvisor', 'tripadvisor.*', 'flickr', 'flickr.com', 'flipboard', 'flipboard.com'],
    ...['goodreads', 'goodreads.com', 'glassdoor', 'glassdoor.com', 'stackoverflow'],
    ...['stackoverflow.com', 'stackexchange.com', 'news.ycombinator.com', 'slashdot.org', 'digg'],
    ...['digg.com', 'disqus', 'disqus.com', 'blogger', 'blogger.com', 'blogspot.com'],
    ...['wordpress', 'wordpress.com', 'livejournal', 'livejournal.com', 'groups.google.com'],
    ...['sites.google.com', 'messages.google.com', 'answers.yahoo.com', 'blog.naver.com'],
    ...['cafe.naver.com', 'skype', 'web.skype.com', 'nextdoor.com', 'wattpad', 'wattpad.com'],
    ...['deviantart', 'deviantart.com', 'pixiv.net', 'mixi.jp', 'yammer', 'yammer.com'],
    // Ours: networks that came after the list, or changed their address.
    ...['x.com', 'threads', 'threads.net', 'threads.com', 'bsky.app', 'bluesky', 'mastodon'],
    ...['mastodon.social', 'discord', 'discord.com', 'telegram', 'ok.ru', 'zalo', 'zalo.me'],
  ],
  shopping: [
    ...['amazon', 'amazon.*', 'ebay', 'ebay.*', 'etsy', 'etsy.com', 'walmart', 'walmart.com'],
    ...['alibaba', 'alibaba.com', 'mercadolibre', 'mercadolibre.*', 'shopify', 'shopify.com'],
    ...['shop.app', 'shopzilla', 'shopzilla.com', 'stripe', 'stripe.com', 'google shopping'],
    ...['igshopping', 'shopping.yahoo.com', 'shopping.yahoo.co.jp', 'shopping.naver.com'],
    ...['simplycodes.com', 'nl.shopping.net', 'no.shopping.net', 'se.shopping.net'],
    // Ours.
    ...['shopping.google.com', 'aliexpress', 'aliexpress.*', 'temu', 'temu.com', 'idealo.*'],
  ],
  video: [
    ...['youtube', 'youtube.com', 'vimeo', 'vimeo.com', 'dailymotion', 'dailymotion.com'],
    ...['twitch', 'twitch.tv', 'netflix', 'netflix.com', 'hulu', 'hulu.com', 'disneyplus'],
    ...['disneyplus.com', 'iqiyi', 'iqiyi.com', 'iq.com', 'youku', 'youku.com', 'ted'],
    ...['ted.com', 'wistia', 'wistia.com', 'fast.wistia.net', 'crackle', 'crackle.com'],
    ...['veoh', 'veoh.com', 'd.tube', 'curiositystream', 'curiositystream.com', 'utreon.com'],
    // Ours: the short links of YouTube, and a site that came after the list.
    ...['youtu.be', 'youtube-nocookie.com', 'rumble.com'],
  ],
};

const ENDING = /^(?:com|net|org|[a-z]{2}|(?:co|com)\.[a-z]{2})$/;
const LABELS_MAX = 127;

/** What a source is; `ai_assistant` is no category of the rules, but a medium of its own. */
export type SourceKind = SourceCategory | 'ai_assistant';

/** Looks up the kind of a source in lower case: a name, or the host of a site. */
export type SourceLookup = (source: string) => SourceKind | undefined;

/**
 * Makes the look-up of a rule set: its own sources first, then the known ones.
 *
 * @returns a pure function, O(labels of the host).
 */
export function compileSources(added: ChannelRules['sources'] = {}): SourceLookup {
  const kinds = new Map<string, SourceKind>();
  const put = (source: string, kind: SourceKind): void => {
    const key = source.toLowerCase();
    if (!kinds.has(key)) kinds.set(key, kind);
  };
  for (const kind of SOURCE_CATEGORIES) for (const source of added[kind] ?? []) put(source, kind);
  for (const host of AI_ASSISTANTS) put(host, 'ai_assistant');
  for (const kind of SOURCE_CATEGORIES) for (const source of KNOWN_SOURCES[kind]) put(source, kind);
  return (source) => kindOf(source, kinds);
}

/** The most exact entry wins: `groups.google.com` before `google.*` (H1). */
function kindOf(source: string, kinds: ReadonlyMap<string, SourceKind>): SourceKind | undefined {
  const named = kinds.get(source);
  if (named !== undefined || !source.includes('.')) return named;
  const labels = source.split('.');
  if (labels.length > LABELS_MAX) return undefined;
  for (let first = 0; first < labels.length - 1; first++) {
    const site = kinds.get(labels.slice(first).join('.'));
    if (site !== undefined) return site;
    const ending = labels.slice(first + 1).join('.');
    const brand = ENDING.test(ending) ? kinds.get(`${labels[first]}.*`) : undefined;
    if (brand !== undefined) return brand;
  }
  return undefined;
}
