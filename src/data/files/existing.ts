import { stat } from 'node:fs/promises';
import { messageOf, UserError } from '../../core/errors.js';
import { pathAt, type PathList } from './path-list.js';
import { isMissing } from '../../core/read.js';
import { shown } from './shown.js';
import { inTurns } from './sizes.js';

/** Paths that a message names; one more is looked for, to say that there are more. */
const NAMED = 3;
const BETWEEN_REPORTS = 10_000;

/**
 * Looks at every path once, in order, and stops when enough are absent to be named.
 * @param lines the line of the list that each path is on
 * @returns the size of each file in bytes
 * @throws UserError naming the first paths that do not exist or are no files, with their lines
 */
export async function checkPathsExist(
  list: string,
  paths: PathList,
  lines: readonly number[],
  progress: (checked: number) => void,
): Promise<Float64Array> {
  const wrong: { index: number; what: string }[] = [];
  const sizes = new Float64Array(lines.length);
  const untilEnoughAreWrong = function* (): Generator<number, void> {
    for (let index = 0; index < lines.length && wrong.length <= NAMED; index++) yield index;
  };
  await inTurns(untilEnoughAreWrong(), async (index) => {
    const found = await sizeOf(pathAt(paths, index));
    if (typeof found === 'number') sizes[index] = found;
    else wrong.push({ index, what: found });
    if ((index + 1) % BETWEEN_REPORTS === 0) progress(index + 1);
  });
  if (wrong.length === 0) return sizes;
  // All before the last one looked at have been looked at, so these are the first of the list.
  wrong.sort((a, b) => a.index - b.index);
  const [first, ...others] = wrong.slice(0, NAMED);
  const path = shown(pathAt(paths, first!.index));
  const more = others.map(({ index }) => lines[index]).join(', ');
  const rest =
    more === '' ? '' : `; so are those on lines ${more}${wrong.length > NAMED ? ' and others' : ''}`;
  throw new UserError(`${shown(list)}:${lines[first!.index]}: ${path} ${first!.what}${rest}`);
}

/** In bytes, or what is wrong with the file. */
async function sizeOf(path: string): Promise<number | string> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : 'is no file';
  } catch (error) {
    return isMissing(error) ? 'is missing' : `cannot be looked at (${shown(messageOf(error))})`;
  }
}
