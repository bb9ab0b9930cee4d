/**
 * The prior of interest weights is found where the mentions were drawn with one.
 */
import { expect, test } from 'vitest';
import { seededRandom } from '../../runtime/simulate/random.ts';
import { itemBehavior, LogCollector, type UserLog } from '../../runtime/train/data/user-log.ts';
import { fitInterestPrior, interestFigures } from '../../runtime/train/interest-prior.ts';

const TOPICS = 200;
const MENTIONS = 8;

/** People who return to what they mentioned, or turn to something new by the prior. */
function peopleWith(prior: number, people: number, seed: number): UserLog[] {
  const random = seededRandom(seed);
  const collector = new LogCollector('by-hand');
  for (let user = 0; user < people; user++) {
    const said: string[] = [];
    for (let i = 0; i < MENTIONS; i++) {
      const isNew = random() * (said.length + prior) < prior;
      const fresh = (): string => {
        const topic = `t${Math.floor(random() * TOPICS)}`;
        return said.includes(topic) ? fresh() : topic;
      };
      const topic = isNew ? fresh() : (said[Math.floor(random() * said.length)] as string);
      said.push(topic);
      // Within a second, so that no mention fades.
      const moment = { timestamp: 1_000_000 + i, user_mode: 'anonymous' } as const;
      collector.add(`u${user}`, itemBehavior(moment, 'view_item', 'x', { topics: [topic] }));
    }
  }
  return collector.logs();
}

test.each([0.5, 3])('a prior of %d is found', (prior) => {
  const found = fitInterestPrior(peopleWith(prior, 2_000, 1));
  expect(found).toBeGreaterThan(prior * 0.85);
  expect(found).toBeLessThan(prior * 1.15);
});

test('with the prior, weights say more than counts alone and are calibrated', () => {
  const trained = peopleWith(2, 1_000, 1);
  const figures = interestFigures(trained, peopleWith(2, 1_000, 2), fitInterestPrior(trained));
  expect(figures.topics).toBe(TOPICS);
  expect(figures.logLoss).toBeLessThan(figures.logLossWithoutPrior);
  expect(figures.logLoss).toBeLessThan(figures.logLossUniform);
  expect(figures.ece).toBeLessThan(0.02);
  expect(figures.ece).toBeLessThan(figures.eceWithoutPrior);
});
