import { messageOf, UserError } from './errors.js';
import { visible } from './visible.js';

/**
 * What somebody's code has thrown, as an error: anything else knows no place, and often says nothing.
 *
 * @param whose what threw it, with its place: `own.ts:12: method "mine"`
 */
export function asError(thrown: unknown, whose: string): Error {
  if (thrown instanceof Error) return thrown;
  const what = `${whose} threw ${messageOf(thrown)}, which is no Error and knows no place`;
  return new UserError(visible(`${what}: throw new Error('…') there`), { cause: thrown });
}

/** Calls somebody's code; what it throws or rejects with is an error in any case, as of `asError`. */
export function calling<T>(whose: string, call: () => T): T {
  const refuse = (thrown: unknown): never => {
    throw asError(thrown, whose);
  };
  try {
    const made = call();
    return made instanceof Promise ? (made.catch(refuse) as T) : made;
  } catch (thrown) {
    return refuse(thrown);
  }
}
