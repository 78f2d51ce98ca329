import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, UserError } from '../../core/errors.js';
import { pathAt, type PathList } from './path-list.js';
import { isMissing } from '../../core/read.js';
import { shown } from './shown.js';

/** Looks at a time; the file system's own threads are fewer. */
const AT_ONCE = 32;
/** Paths that a message names; one more is looked for, to say that there are more. */
const NAMED = 3;
const BETWEEN_REPORTS = 10_000;

/**
 * Looks at every path once, in order, and stops when enough are absent to be named.
 * @param lines the line of the list that each path is on
 * @throws UserError naming the first paths that do not exist or are no files, with their lines
 */
export async function checkPathsExist(
  list: string,
  paths: PathList,
  lines: readonly number[],
  progress: (checked: number) => void,
): Promise<void> {
  const wrong: { index: number; what: string }[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < lines.length && wrong.length <= NAMED) {
      const index = next++;
      const what = await faultOf(pathAt(paths, index));
      if (what !== undefined) wrong.push({ index, what });
      if ((index + 1) % BETWEEN_REPORTS === 0) progress(index + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (wrong.length === 0) return;
  // All before the last one looked at have been looked at, so these are the first of the list.
  wrong.sort((a, b) => a.index - b.index);
  const [first, ...others] = wrong.slice(0, NAMED);
  const path = shown(resolve(pathAt(paths, first!.index)));
  const more = others.map(({ index }) => lines[index]).join(', ');
  const rest =
    more === '' ? '' : `; so are those on lines ${more}${wrong.length > NAMED ? ' and others' : ''}`;
  throw new UserError(`${shown(list)}:${lines[first!.index]}: ${path} ${first!.what}${rest}`);
}

async function faultOf(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isFile() ? undefined : 'is no file';
  } catch (error) {
    return isMissing(error) ? 'is missing' : `cannot be looked at (${shown(messageOf(error))})`;
  }
}
