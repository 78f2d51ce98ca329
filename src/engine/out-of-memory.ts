import { UserError } from '../core/errors.js';

/** What V8 says for an array and TensorFlow for a tensor that there is no room for; the bridge sets a code. */
const allocationFailures =
  /^(Array buffer allocation failed|Invalid array buffer length|Invalid typed array length: \d{9,}|OOM when allocating tensor)/;

/** Whether memory was not to be had, for an engine, for JavaScript's own arrays, or for what the error comes of. */
export function isOutOfMemory(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === 'OUT_OF_MEMORY') return true;
  return allocationFailures.test(error.message) || isOutOfMemory(error.cause);
}

/**
 * What to throw for an error of this phase: where memory ran out, a UserError that names the phase, what was asked for,
 * and the remedy; else, and where a phase within this one has said so, the error itself.
 */
export function outOfMemoryIn(phase: string, remedy: string, error: unknown): unknown {
  if (error instanceof UserError || !isOutOfMemory(error)) return error;
  const { message } = error;
  const what = message.includes('out of memory') ? message : `out of memory: ${message}`;
  return new UserError(`${phase}: ${what}; ${remedy}`, { cause: error });
}

/** Runs f, which is synchronous, as a phase: see `outOfMemoryIn`. */
export function inPhase<T>(phase: string, remedy: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw outOfMemoryIn(phase, remedy, error);
  }
}
