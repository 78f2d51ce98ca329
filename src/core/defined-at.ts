import { framesOf } from './stack.js';

/** Of what was defined, the call that did it. */
const calls = new WeakMap<object, { readonly stack: string }>();

/**
 * Remembers where something was defined.
 *
 * @param definition what no type checker may have seen: anything else than an object is let pass
 * @param define the function that was called for it: the place is that of its caller
 */
export function rememberPlace(definition: unknown, define: (...given: never) => unknown): void {
  if (typeof definition !== 'object' || definition === null || calls.has(definition)) return;
  const call = { stack: '' };
  Error.captureStackTrace(call, define);
  calls.set(definition, call);
}

/** `own.ts:12`, where something was defined; undefined where nobody remembers. */
export function definedAt(definition: object): string | undefined {
  const [caller] = framesOf(calls.get(definition)?.stack ?? '');
  return caller && `${caller.file}:${caller.line}`;
}
