/**
 * The folder where ONNX files are kept, and the networks that this process has loaded from it.
 *
 * Owns the files, named by their digests, so that a model means the same network on every machine;
 * and the loaded networks, one each.
 * C5 A network is used only if its file has the digest that the model names.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../../protocols/model.ts';
import { CONCEPTS, MODALITIES } from '../../protocols/user-snapshot.ts';
import { pause } from '../timing.ts';
import {
  type ConceptNetwork,
  type ConceptNetworkOptions,
  loadConceptNetwork,
} from './concept-network.ts';

/** How long after a network could not be loaded it is tried again: somebody has to act first. */
const RETRY_AFTER_MS = 5_000;

/** A model's network cannot be run here; the message says why and what to do. */
export class NetworkUnavailable extends Error {
  override readonly name = 'NetworkUnavailable';
  readonly retryable = true;
}

type WithNetwork = Pick<Model, 'version' | 'features' | 'network'>;

export class NetworkFolder implements AsyncDisposable {
  readonly #folder: string;
  readonly #options: ConceptNetworkOptions;
  /** By digest and number of features; those that could not be loaded are not kept. */
  readonly #networks = new Map<string, Promise<ConceptNetwork>>();
  readonly #failedAtMs = new Map<string, number>();

  constructor(folder: string, options: ConceptNetworkOptions = {}) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Where the file of a network is, or would be. */
  pathOf(sha256: string): string {
    return join(this.#folder, `${sha256}.onnx`);
  }

  /**
   * Returns the network of a model, loaded at the first call.
   *
   * @throws NetworkUnavailable
   */
  load(model: WithNetwork): Promise<ConceptNetwork> {
    const key = keyOf(model);
    const known = this.#networks.get(key);
    if (known !== undefined) return known;
    const loading = this.#load(model);
    this.#networks.set(key, loading);
    loading.catch(() => {
      this.#networks.delete(key);
      this.#failedAtMs.set(key, performance.now());
    });
    return loading;
  }

  /** Waits until RETRY_AFTER_MS have passed since the network failed, or until `signal` aborts. */
  async rest(model: WithNetwork, signal: AbortSignal): Promise<void> {
    const failedAtMs = this.#failedAtMs.get(keyOf(model)) ?? Number.NEGATIVE_INFINITY;
    const waitMs = failedAtMs + RETRY_AFTER_MS - performance.now();
    if (waitMs > 0) await pause(waitMs, signal);
  }

  /** Closes a network that does not work any more; the next call loads it anew. */
  async discard(model: WithNetwork): Promise<void> {
    const key = keyOf(model);
    const network = this.#networks.get(key);
    this.#networks.delete(key);
    this.#failedAtMs.set(key, performance.now());
    await (await network)?.close();
  }

  /** Keeps a file in the folder, under its digest. */
  async keep(bytes: Uint8Array): Promise<void> {
    const path = this.pathOf(sha256Of(bytes));
    await mkdir(this.#folder, { recursive: true });
    // A reader finds the whole file or none.
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, bytes);
    await rename(partial, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const networks = await Promise.allSettled(this.#networks.values());
    this.#networks.clear();
    for (const each of networks) if (each.status === 'fulfilled') await each.value.close();
  }

  async #load(model: WithNetwork): Promise<ConceptNetwork> {
    const { version, network } = model;
    if (network === undefined) throw new Error(`C5: model ${version} has no network`);
    const path = this.pathOf(network.sha256);
    try {
      const bytes = await readFile(path);
      const found = sha256Of(bytes);
      if (found !== network.sha256) {
        throw new Error(`expected the digest of its name, found ${found}. Copy the file again`);
      }
      return await loadConceptNetwork(bytes, shapeOf(model), this.#options);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = isMissing
        ? 'expected the ONNX file of that name, found none. Copy it there; every machine with a ' +
          'worker needs it'
        : (error as Error).message;
      throw new NetworkUnavailable(`the network of model ${version}, ${path}: ${why}`, {
        cause: error,
      });
    }
  }
}

/** The columns that a model's network has to have. */
export function shapeOf({ features }: Pick<Model, 'features'>) {
  return {
    features: features.length,
    modalities: MODALITIES.length,
    concepts: CONCEPTS.length,
  };
}

/** The digest that names a file. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function keyOf({ features, network }: WithNetwork): string {
  return `${network?.sha256} ${features.length}`;
}
