/**
 * Configuration: one JSON file, checked, with environment variables on top. An error names the key.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { settingsSchema } from '../protocols/settings.ts';
import { projectRoot } from './setup/project-root.ts';

const CONFIG_FILE = 'microtarget.config.json';

const configSchema = z.strictObject({
  /** Fixed at the first start: a user's partition must not change. */
  partitions: z.int().min(1).max(64).default(8),
  /** Copies of each stream in a cluster. */
  replicas: z.int().min(1).max(5).default(1),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8080),
    })
    .prefault({}),
  nats_port: z.int().min(0).max(65_535).default(4222),
  /** User actors that one worker keeps in memory. */
  max_residents: z.int().min(100).default(50_000),
  /** Where the ONNX files of models are kept; a path is relative to the project's folder. */
  models_folder: z.string().min(1).default(join('.microtarget', 'models')),
  /** Groups with fewer users on a day are put together in what marketers see. */
  marketer_min_users: z.int().min(1).default(20),
  /** Where alerts are posted to as they change: docs/alerts.md. */
  alerts: z
    .strictObject({
      webhook_url: z
        .url({ protocol: /^https?$/, error: 'expected an http or https address' })
        .refine(hasNoLogin, 'expected an address without a login: receivers check the signature')
        .optional(),
      /** Signs what is posted; any text. */
      webhook_secret: z.string().min(1).optional(),
    })
    .prefault({}),
  log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('warn'),
  settings: settingsSchema.prefault({}),
});
export type Config = z.infer<typeof configSchema>;

/** The configuration cannot be used; the message names the key and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const ENVIRONMENT: Readonly<Record<string, readonly string[]>> = {
  MICROTARGET_PARTITIONS: ['partitions'],
  MICROTARGET_REPLICAS: ['replicas'],
  MICROTARGET_HTTP_HOST: ['http', 'host'],
  MICROTARGET_HTTP_PORT: ['http', 'port'],
  MICROTARGET_NATS_PORT: ['nats_port'],
  MICROTARGET_MAX_RESIDENTS: ['max_residents'],
  MICROTARGET_MODELS_FOLDER: ['models_folder'],
  MICROTARGET_MARKETER_MIN_USERS: ['marketer_min_users'],
  MICROTARGET_ALERTS_WEBHOOK_URL: ['alerts', 'webhook_url'],
  MICROTARGET_ALERTS_WEBHOOK_SECRET: ['alerts', 'webhook_secret'],
  MICROTARGET_LOG_LEVEL: ['log_level'],
};
/** Text even where it is all digits. */
const TEXT_KEYS: ReadonlySet<string> = new Set(['webhook_secret']);

/**
 * Reads `microtarget.config.json` (or MICROTARGET_CONFIG) if it is there, then the environment.
 *
 * @throws ConfigError
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const file = env.MICROTARGET_CONFIG ?? join(projectRoot(), CONFIG_FILE);
  const isNamed = env.MICROTARGET_CONFIG !== undefined;
  const raw = existsSync(file) || isNamed ? readJson(file) : {};
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const value = env[variable];
    if (value !== undefined && value !== '') setPath(raw, path, value);
  }
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `  ${path.map(String).join('.') || '(top level)'}: ${message}`,
  );
  throw new ConfigError(`configuration (${file} and MICROTARGET_…):\n${problems.join('\n')}`);
}

/** The folder of ONNX files as an absolute path. */
export function modelsFolder({ models_folder }: Config): string {
  return resolve(projectRoot(), models_folder);
}

/** A login in an address would end up wherever addresses are logged. */
function hasNoLogin(address: string): boolean {
  if (!URL.canParse(address)) return true;
  const { username, password } = new URL(address);
  return username === '' && password === '';
}

function readJson(file: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
      return json as Record<string, unknown>;
    }
    throw new Error('expected a JSON object');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${file}: ${why}`, { cause: error });
  }
}

/** Numbers are numbers in the file and text in the environment. */
function setPath(target: Record<string, unknown>, path: readonly string[], text: string): void {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    target[key] = /^\d+$/.test(text) && !TEXT_KEYS.has(key) ? Number(text) : text;
    return;
  }
  const inner = target[key];
  const next =
    typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  target[key] = next;
  setPath(next, rest, text);
}
