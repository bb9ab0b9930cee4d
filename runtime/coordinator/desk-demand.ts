/**
 * How the coordinator learns what each hour of the week brings: it counts the events that the
 * partitions' cells show as accepted, by its own clock.
 */
import { DemandCurve, noDemand, observeDemand } from '../../actors/campaign/demand.ts';
import type { Demand } from '../../protocols/demand.ts';
import { COORDINATOR_DEMAND } from '../../protocols/subjects.ts';
import type { StoreMessage } from '../ports.ts';

/** How often what was learnt is stored, at most; and how old the curve may be. */
const STORE_EVERY_MS = 60_000;
/** Longer pauses between two looks say nothing about traffic. */
const LOOK_MS_MAX = 60_000;

export class LearntDemand {
  readonly #demand: Demand;
  #curve: DemandCurve;
  #accepted: number | undefined;
  #lookedAtMs = 0;
  #storedAtMs = 0;
  #isNews = false;

  constructor(stored: Demand | undefined) {
    this.#demand = structuredClone(stored) ?? noDemand();
    this.#curve = new DemandCurve(this.#demand);
  }

  get curve(): DemandCurve {
    return this.#curve;
  }

  /** Takes in how many events were accepted in all. What was before the first look is no news. */
  look(nowMs: number, accepted: number): void {
    const duringMs = nowMs - this.#lookedAtMs;
    const more = accepted - (this.#accepted ?? accepted);
    const isUsual = this.#accepted !== undefined && duringMs > 0 && duringMs <= LOOK_MS_MAX;
    if (isUsual && more >= 0) {
      observeDemand(this.#demand, nowMs, more, duringMs);
      this.#isNews ||= more > 0;
    }
    this.#accepted = accepted;
    this.#lookedAtMs = nowMs;
  }

  /** What to store now, if anything; pacing goes by it from then on. */
  takeStored(nowMs: number): StoreMessage[] {
    if (!this.#isNews || Math.abs(nowMs - this.#storedAtMs) < STORE_EVERY_MS) return [];
    this.#isNews = false;
    this.#storedAtMs = nowMs;
    this.#curve = new DemandCurve(this.#demand);
    return [{ subject: COORDINATOR_DEMAND, body: JSON.stringify(this.#demand) }];
  }
}
