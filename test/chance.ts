/**
 * Draws for tests that make things up: everything follows from the numbers that it is given.
 */
export class Chance {
  readonly #random: () => number;

  /** @param random gives a number from 0 to below 1 each call. */
  constructor(random: () => number) {
    this.#random = random;
  }

  of(p: number): boolean {
    return this.#random() < p;
  }

  upTo(max: number): number {
    return this.#random() * max;
  }

  int(max: number): number {
    return Math.floor(this.#random() * max);
  }

  pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)] as T;
  }

  /** The value, with a probability; else nothing. */
  maybe<T extends object>(p: number, make: () => T): T | Record<string, never> {
    return this.of(p) ? make() : {};
  }

  uuid(): string {
    const hex = (digits: number): string =>
      Array.from({ length: digits }, () => this.int(16).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
  }
}
