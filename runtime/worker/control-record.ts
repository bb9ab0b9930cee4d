/**
 * A control message of a partition's log, as bytes.
 */
import type { PartitionState } from '../../actors/partition/state.ts';
import { controlSchema } from '../../protocols/control.ts';
import type { Rejection } from '../../protocols/event.ts';
import { upcast } from '../../protocols/upcast.ts';

/** Applies one, or says why it cannot be. */
export function applyControl(state: PartitionState, body: Uint8Array): Rejection | undefined {
  let problem: string;
  try {
    const message = upcast('control', JSON.parse(new TextDecoder().decode(body)));
    const parsed = controlSchema.safeParse(message);
    if (parsed.success) {
      state.control(parsed.data);
      return undefined;
    }
    problem = parsed.error.message;
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const hint = 'only the coordinator publishes control messages';
  return { field: 'control', expected: 'a control message', found: problem, hint };
}
