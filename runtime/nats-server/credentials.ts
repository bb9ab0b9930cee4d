/**
 * The passwords that nats.conf refers to, made on first use and kept in `.microtarget/local.env`.
 *
 * Owns that file: mode 0600, KEY=value lines.
 * C1 An environment variable wins over the file.
 * C2 Every password is a string to the nats.conf parser, which reads `1k` or `true` as a value of
 *    another type: passwords begin with a letter and hold only letters, digits, `-` and `_`.
 * C3 The viewer is younger than the others: a password of its own that is missing follows from
 *    theirs, one way, so that processes which add it to an older file at once add the same.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../setup/project-root.ts';

/** What one NATS client needs beside the address; spreads into the `connect` options. */
export interface NatsLogin {
  readonly user: string;
  readonly pass: string;
  /** Replies arrive below this subject; the account permits no other inbox. */
  readonly inboxPrefix: string;
}

/** One login per user of nats.conf. */
export interface NatsCredentials {
  readonly engine: NatsLogin;
  readonly app: NatsLogin;
  readonly ops: NatsLogin;
  /** Sees what marketers see, and changes nothing. */
  readonly viewer: NatsLogin;
  readonly sys: NatsLogin;
}

/** A role of nats.conf that has a login. */
export type NatsRole = keyof NatsCredentials;

const PASSWORD_KEYS: Readonly<Record<NatsRole, string>> = {
  engine: 'MICROTARGET_ENGINE_PASSWORD',
  app: 'MICROTARGET_APP_PASSWORD',
  ops: 'MICROTARGET_OPS_PASSWORD',
  viewer: 'MICROTARGET_VIEWER_PASSWORD',
  sys: 'MICROTARGET_SYS_PASSWORD',
};
const ROLES = Object.keys(PASSWORD_KEYS) as readonly NatsRole[];
/** Those that every file and every environment has, whichever release it was made for. */
const FIRST_ROLES = ROLES.filter((role) => role !== 'viewer');

const SAFE_PASSWORD = /^[A-Za-z][A-Za-z0-9_-]{7,}$/;
const PASSWORD_BYTES = 24;

/** Where credentials come from; every part has a default that suits one machine. */
export interface CredentialOptions {
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default `.microtarget/local.env` in the project root. */
  readonly file?: string;
}

/**
 * Reads the five logins, creating the file with random passwords when a password is in neither
 * the environment nor the file. Throws when a password would not parse as a string (C2).
 */
export function loadOrCreateCredentials(options: CredentialOptions = {}): NatsCredentials {
  const env = options.env ?? process.env;
  const file = options.file ?? join(projectRoot(), '.microtarget', 'local.env');
  const allInEnvironment = FIRST_ROLES.every((role) => env[PASSWORD_KEYS[role]]);
  const stored = allInEnvironment ? withViewer(env) : readOrCreateFile(file);
  const login = (role: NatsRole): NatsLogin => {
    const key = PASSWORD_KEYS[role];
    const pass = env[key] || stored[key];
    if (pass === undefined || !SAFE_PASSWORD.test(pass)) {
      throw new Error(
        `Expected ${key} to be at least 8 letters, digits, "-" or "_", beginning with a letter; ` +
          `found ${pass === undefined ? 'none' : 'something else'}. ` +
          `Set it in the environment, or delete ${file} to have new passwords made.`,
      );
    }
    return { user: role, pass, inboxPrefix: `_INBOX_${role}` };
  };
  return {
    ...{ engine: login('engine'), app: login('app'), ops: login('ops') },
    ...{ viewer: login('viewer'), sys: login('sys') },
  };
}

/** The environment variables that nats.conf refers to, for the server process. */
export function serverEnvironment(credentials: NatsCredentials): Record<string, string> {
  return Object.fromEntries(ROLES.map((role) => [PASSWORD_KEYS[role], credentials[role].pass]));
}

function readOrCreateFile(file: string): Record<string, string | undefined> {
  if (!existsSync(file)) createFile(file);
  const values: Record<string, string> = {};
  const text = readFileSync(file, 'utf8');
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Z_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match?.[1] && match[2] !== undefined) values[match[1]] = match[2];
  }
  const key = PASSWORD_KEYS.viewer;
  const complete = withViewer(values);
  if (complete[key] !== undefined && values[key] === undefined) {
    appendFileSync(file, `${text.endsWith('\n') ? '' : '\n'}${key}=${complete[key]}\n`);
  }
  return complete;
}

/** Adds the viewer's password (C3), unless it is there or one of those it follows from is not. */
function withViewer(
  values: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const others = FIRST_ROLES.map((role) => values[PASSWORD_KEYS[role]]);
  const key = PASSWORD_KEYS.viewer;
  if (values[key] || others.some((each) => each === undefined)) return { ...values };
  const digest = createHash('sha256').update(['viewer', ...others].join('\n'));
  return { ...values, [key]: `p${digest.digest('base64url')}` };
}

/** Links a finished file into place, so that of two first starts both end up with one file. */
function createFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const lines = ROLES.map((role) => `${PASSWORD_KEYS[role]}=${randomPassword()}`);
  const text = ['# Made on first use; nats.conf refers to these. Keep private.', ...lines, ''].join(
    '\n',
  );
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
}

function randomPassword(): string {
  return `p${randomBytes(PASSWORD_BYTES).toString('base64url')}`;
}
