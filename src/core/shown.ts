import { isAbsolute, resolve } from 'node:path';
import { visible } from './visible.js';

const LONGEST = 200;

/** A name or a field from outside, fit for a message of one line: as `visible`, the end of a long one cut. */
export function shown(text: string): string {
  return visible(text.length <= LONGEST ? text : `${[...text].slice(0, LONGEST).join('')}…`);
}

/** That a path is missing, with where it was looked for if that is not plain: `zoo is missing (looked for /home/me/zoo)`. */
export function missingAt(path: string): string {
  return `${shown(path)} is missing${isAbsolute(path) ? '' : ` (looked for ${shown(resolve(path))})`}`;
}
