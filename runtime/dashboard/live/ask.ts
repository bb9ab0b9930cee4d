/**
 * Questions that a view asks the gateway, once or again and again.
 *
 * A1 Never two of one question at a time: the next is asked `everyMs` after the last answer.
 * A2 Nothing is asked while the tab is hidden; shown again, the question is asked at once.
 * A3 The last good value stays while later questions fail, with the time it is from.
 */
import { useEffect, useRef, useState } from 'react';
import { type Answer, type AskProblem, request } from './request.ts';

export interface Asked<T> {
  readonly status: 'loading' | 'ready' | 'failed';
  /** The last good answer, also while `failed`. */
  readonly value?: T;
  readonly problem?: AskProblem;
  /** When the last good answer came, by this browser's clock. */
  readonly askedAtMs?: number;
  /** Asks now, unless it is already asking. */
  again(): void;
}

type Known<T> = Omit<Asked<T>, 'again'>;

const LOADING = { status: 'loading' } as const;

/**
 * Asks `path` when it appears and changes, and then every `everyMs`; without a path nothing is
 * asked and the status is `loading`. What was known of another path is forgotten at once.
 */
export function useAsked<T>(path: string | undefined, everyMs?: number): Asked<T> {
  const [known, setKnown] = useState<{ path: string | undefined; state: Known<T> }>({
    path,
    state: LOADING,
  });
  const askNow = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (path === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    let isGone = false;
    const ask = async () => {
      clearTimeout(timer);
      if (isAsking || isGone || document.hidden) return;
      isAsking = true;
      const answer = await request<T>('GET', path);
      isAsking = false;
      if (isGone) return;
      setKnown((before) => ({
        path,
        state: afterAnswer(before.path === path ? before.state : LOADING, answer, Date.now()),
      }));
      if (everyMs !== undefined) timer = setTimeout(ask, everyMs);
    };
    const shown = () => {
      if (!document.hidden && (everyMs !== undefined || timer === undefined)) void ask();
    };
    askNow.current = () => void ask();
    document.addEventListener('visibilitychange', shown);
    void ask();
    return () => {
      isGone = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [path, everyMs]);

  const state: Known<T> = known.path === path ? known.state : LOADING;
  return { ...state, again: () => askNow.current() };
}

/** What is known after an answer: a failure keeps the value that was known before (A3). */
function afterAnswer<T>(before: Known<T>, answer: Answer<T>, nowMs: number): Known<T> {
  if (answer.isAnswered) return { status: 'ready', value: answer.value, askedAtMs: nowMs };
  return { ...before, status: 'failed', problem: answer.problem };
}

/** Posts JSON to the gateway: what it answers, or why it did not. Never throws. */
export function post<T>(path: string, body: unknown): Promise<Answer<T>> {
  return request<T>('POST', path, body);
}
