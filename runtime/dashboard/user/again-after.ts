/**
 * Asking a question again when what it is about has moved on.
 */
import { useEffect, useRef } from 'react';
import type { Asked } from '../live/ask.ts';

interface LastQuestion {
  /** Of the user as the question was asked; what it answers is at least as new. */
  readonly sequence: number | undefined;
  readonly askedAtMs: number | undefined;
  readonly problem: Asked<unknown>['problem'] | undefined;
  readonly isUnderWay: boolean;
}

const NONE: LastQuestion = {
  sequence: undefined,
  askedAtMs: undefined,
  problem: undefined,
  isUnderWay: false,
};

/**
 * Asks again whenever `sequence` has moved since the question was asked; where an answer is still
 * under way, once that is there, because it may be of the state before.
 */
export function useAgainAfter(sequence: number | undefined, asked: Asked<unknown>): void {
  const question = useRef(NONE);
  const { again, askedAtMs, problem } = asked;
  useEffect(() => {
    const last = question.current;
    const isAnswered = askedAtMs !== last.askedAtMs || problem !== last.problem;
    const isUnderWay = last.isUnderWay && !isAnswered;
    if (sequence === undefined || sequence === last.sequence || isUnderWay) {
      question.current = { ...last, askedAtMs, problem, isUnderWay };
      return;
    }
    question.current = { sequence, askedAtMs, problem, isUnderWay: true };
    // The first question asks itself, as its path appears.
    if (last.sequence !== undefined) again();
  }, [sequence, askedAtMs, problem]);
}
