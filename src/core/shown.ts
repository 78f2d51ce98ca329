import { isAbsolute, resolve } from 'node:path';

const LONGEST = 200;

/** A name or a field from outside, fit for a message of one line: control characters spelled out, the end of a long one cut. */
export function shown(text: string): string {
  const whole = text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
  return whole.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}

/** That a path is missing, with where it was looked for if that is not plain: `zoo is missing (looked for /home/me/zoo)`. */
export function missingAt(path: string): string {
  return `${shown(path)} is missing${isAbsolute(path) ? '' : ` (looked for ${shown(resolve(path))})`}`;
}
