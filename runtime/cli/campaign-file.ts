/**
 * Files with campaigns, in YAML or JSON, which is YAML too: one campaign, a list, or `campaigns:`
 * with a list. All mistakes of a file are found at once, each with its place.
 */
import { readFileSync } from 'node:fs';
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { z } from 'zod';
import { campaignMistakes } from '../../actors/campaign/entry.ts';
import { type Campaign, campaignSchema } from '../../protocols/campaign.ts';
import { MAX_CAMPAIGNS_PER_REQUEST } from '../../protocols/campaign-services.ts';
import { fieldName, type Mistake, schemaMistakes, shown } from '../schema-mistakes.ts';
import { CommandFailed } from './session.ts';

/** What campaigns in a file take at most, as much as one request does. */
export const MAX_FILE_BYTES = 900_000;

/** Campaigns as they stand in a file, and the revisions that they are based on. */
export interface CampaignFile {
  readonly campaigns: readonly Campaign[];
  readonly revisions: Readonly<Record<string, number>>;
}

const revisionSchema = z.object({ revision: z.int().min(1).optional() });

/** The rules of something that may be no campaign otherwise; one that always holds for no text. */
const rulesSchema = z.object({
  rule: z.string().optional().catch(undefined),
  multipliers: z
    .array(z.object({ when: z.string().catch('true'), factor: z.number().catch(1) }))
    .catch([]),
});
const ANY_CAMPAIGN = campaignSchema.parse({
  ...{ id: 'any', name: 'Any', trigger_type: 'any', bid_micros: 1, budget_micros: 1 },
});

/**
 * Reads a file with campaigns.
 *
 * @throws CommandFailed with all mistakes, each as `file:line:column  field: expected …; found …`.
 */
export function readCampaignFile(file: string): CampaignFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(`${file}: ${why}`, { cause: error });
  }
  return parseCampaigns(text, file);
}

/**
 * Reads the text of such a file; O(its length).
 *
 * @param name of the file, for messages.
 * @throws CommandFailed as readCampaignFile.
 */
export function parseCampaigns(text: string, name: string): CampaignFile {
  if (text.length > MAX_FILE_BYTES) {
    throw new CommandFailed(
      `${name}: expected at most ${MAX_FILE_BYTES} characters; found ${text.length}; split it`,
    );
  }
  return new CampaignText(text, name).read();
}

type Path = readonly PropertyKey[];

/** Parts of a file that are a campaign each: where it is, and what it says. */
interface Part {
  readonly path: Path;
  readonly json: unknown;
}

class CampaignText {
  readonly #text: string;
  readonly #name: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #mistakes: { readonly offset: number; readonly message: string }[] = [];

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
    const lineCounter = this.#lines;
    this.#document = parseDocument(text, { lineCounter, prettyErrors: false });
  }

  read(): CampaignFile {
    const { errors, warnings } = this.#document;
    for (const { pos, message } of [...errors, ...warnings]) this.#note(pos[0], message);
    this.#failIfWrong();
    const campaigns: Campaign[] = [];
    const revisions: Record<string, number> = {};
    for (const [i, part] of this.#parts().entries()) {
      const label = labelOf(part, i);
      const campaign = this.#campaign(part, label);
      if (campaign === undefined) continue;
      const { revision } = part.json as { readonly revision?: number };
      if (revision !== undefined) revisions[campaign.id] = revision;
      if (campaigns.some(({ id }) => id === campaign.id)) {
        this.#noteField(part.path, label, { path: ['id'], ...twice(campaign.id) });
      }
      campaigns.push(campaign);
    }
    this.#failIfWrong();
    return { campaigns, revisions };
  }

  #parts(): readonly Part[] {
    const json = this.#json();
    const list = (items: readonly unknown[], path: Path): readonly Part[] => {
      if (items.length >= 1 && items.length <= MAX_CAMPAIGNS_PER_REQUEST) {
        return items.map((item, i) => ({ path: [...path, i], json: item }));
      }
      const expected = `1 to ${MAX_CAMPAIGNS_PER_REQUEST} campaigns`;
      this.#noteField(path, '', { path: [], expected, found: String(items.length) });
      return [];
    };
    if (Array.isArray(json)) return list(json, []);
    if (typeof json !== 'object' || json === null) {
      const expected = 'a campaign, a list of them, or campaigns: with a list';
      this.#noteField([], '', { path: [], expected, found: shown(json ?? undefined) });
      return [];
    }
    if (!('campaigns' in json)) return [{ path: [], json }];
    for (const key of Object.keys(json).filter((each) => each !== 'campaigns')) {
      const expected = 'nothing beside campaigns:';
      const found = JSON.stringify(key);
      this.#noteField([], '', { path: [key], expected, found, isName: true });
    }
    const { campaigns } = json;
    if (Array.isArray(campaigns)) return list(campaigns, ['campaigns']);
    const found = shown(campaigns ?? undefined);
    this.#noteField([], '', { path: ['campaigns'], expected: 'a list', found });
    return [];
  }

  #json(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      // Aliases that unfold to more than any campaign needs.
      this.#note(0, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** A campaign without mistakes. */
  #campaign({ path, json }: Part, label: string): Campaign | undefined {
    const based = revisionSchema.safeParse(json);
    const { revision: _, ...definition } = Object(json) as { readonly revision?: unknown };
    const isMap = typeof json === 'object' && json !== null && !Array.isArray(json);
    const parsed = campaignSchema.safeParse(isMap ? definition : json);
    const mistakes = parsed.success ? [] : schemaMistakes(parsed.error, json, campaignSchema);
    if (isMap && !based.success) {
      mistakes.push(...schemaMistakes(based.error, json, revisionSchema));
    }
    for (const mistake of mistakes) this.#noteField(path, label, mistake);
    // Rules are looked at whatever else is wrong, so that nobody has to come twice.
    const campaign = parsed.data ?? { ...ANY_CAMPAIGN, ...rulesSchema.parse(Object(json)) };
    for (const { field, message } of campaignMistakes(campaign)) {
      this.#noteRule([...path, ...field.split('.')], `${label}, ${field}`, message);
    }
    return parsed.data;
  }

  #noteField(part: Path, label: string, mistake: Mistake): void {
    const { path, expected, found, isName = false } = mistake;
    const where = [label, fieldName(path)].filter((each) => each !== '').join(', ');
    const message = `expected ${expected}; found ${found}`;
    const offset = this.#offsetOf([...part, ...path], isName);
    this.#note(offset, where === '' ? message : `${where}: ${message}`);
  }

  /** A mistake in a rule is shown where it is in the file, if the rule stands there as it is. */
  #noteRule(path: Path, where: string, message: string): void {
    const node = this.#nodeAt(path);
    const start = node?.range?.[0] ?? 0;
    const [, line, column, rest] = /^line (\d+), column (\d+): (.*)$/s.exec(message) ?? [];
    const offset =
      isScalar(node) && typeof node.value === 'string' && rest !== undefined
        ? this.#insideOf(node.value, start, Number(line), Number(column))
        : undefined;
    if (offset === undefined) this.#note(start, `${where}: ${message}`);
    else this.#note(offset, `${where}: ${rest}`);
  }

  /** Where a place in a text of some lines is in the file; undefined if it is written otherwise. */
  #insideOf(value: string, start: number, line: number, column: number): number | undefined {
    const target = value.split('\n')[line - 1] ?? '';
    const before = [...target].slice(0, column - 1).join('').length;
    const isBlock = /[|>]/.test(this.#text[start] ?? '');
    const fileLine = this.#lines.linePos(start).line + (isBlock ? line : line - 1);
    const lineStart = this.#lines.lineStarts[fileLine - 1] ?? this.#text.length;
    const lineEnd = this.#lines.lineStarts[fileLine] ?? this.#text.length;
    const at = this.#text.slice(0, lineEnd).indexOf(target, Math.max(start, lineStart));
    return at < 0 || target === '' ? undefined : at + before;
  }

  /** Of a field's name or value; of one that is missing, of what it is missing from. */
  #offsetOf(path: Path, isName: boolean): number {
    for (let length = path.length; length > 0; length--) {
      const parent = this.#nodeAt(path.slice(0, length - 1));
      const key = path[length - 1];
      const pair = isMap(parent) ? pairOf(parent, key) : undefined;
      const node = isNode(pair?.value) ? pair.value : this.#nodeAt(path.slice(0, length));
      const isEmpty = isScalar(node) && node.value === null;
      const isKey = pair !== undefined && (isName || isEmpty || node === undefined);
      const place = isKey ? pair.key : node;
      if (isNode(place) && place.range) return place.range[0];
    }
    return this.#document.contents?.range?.[0] ?? 0;
  }

  #nodeAt(path: Path): Node | undefined {
    const node: unknown = path.length === 0 ? this.#document.contents : this.#getIn(path);
    return isNode(node) ? node : undefined;
  }

  /** The indices of lists are numbers for the library, and texts in the names of fields. */
  #getIn(path: Path): unknown {
    const keys = path.map((key) => (/^\d+$/.test(String(key)) ? Number(key) : String(key)));
    return this.#document.getIn(keys, true);
  }

  #note(offset: number, message: string): void {
    this.#mistakes.push({ offset, message });
  }

  #failIfWrong(): void {
    if (this.#mistakes.length === 0) return;
    const sorted = [...this.#mistakes].sort((a, b) => a.offset - b.offset);
    const lines = sorted.map(({ offset, message }) => {
      const { line, col } = this.#lines.linePos(offset);
      return `${this.#name}:${line}:${col}  ${message.replaceAll('\n', '\n  ')}`;
    });
    const count = lines.length === 1 ? '1 mistake' : `${lines.length} mistakes`;
    throw new CommandFailed(`${lines.join('\n')}\n${count}: nothing was applied`);
  }
}

function pairOf(map: YAMLMap, key: PropertyKey | undefined) {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function labelOf({ path, json }: Part, index: number): string {
  const { id } = Object(json) as { readonly id?: unknown };
  if (typeof id === 'string' && id !== '') return `campaign ${id.slice(0, 64)}`;
  return path.length === 0 ? 'campaign' : `campaign ${index + 1} of the file`;
}

function twice(id: string) {
  return { expected: 'each campaign once', found: `${id} again` };
}
