import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { sep } from 'node:path';
import { messageOf, UserError } from '../../core/errors.js';
import { pathAt, type PathList } from './path-list.js';
import { exists, isMissing } from '../../core/read.js';
import { shown } from '../../core/shown.js';
import { inTurns } from './sizes.js';

/** The ways in which a name with accents may be written. */
const FORMS = ['NFC', 'NFD'] as const;
/** Paths that a message names; one more is looked for, to say that there are more. */
const NAMED = 3;
const BETWEEN_REPORTS = 10_000;

/**
 * Looks at every path once, in order, and stops when enough are absent to be named. One that is there with its accents
 * composed or decomposed (Unicode NFC, NFD), but not as the list has it, counts as there.
 * @param lines the line of the list that each path is on
 * @returns the size of each file in bytes, and by their index the paths that are there in another spelling
 * @throws UserError naming the first paths that do not exist or are no files, with their lines
 */
export async function checkPathsExist(
  list: string,
  paths: PathList,
  lines: readonly number[],
  progress: (checked: number) => void,
): Promise<{ readonly sizes: Float64Array; readonly spelled: ReadonlyMap<number, string> }> {
  const spelled = new Map<number, string>();
  const wrong: { index: number; what: string }[] = [];
  const sizes = new Float64Array(lines.length);
  const untilEnoughAreWrong = function* (): Generator<number, void> {
    for (let index = 0; index < lines.length && wrong.length <= NAMED; index++) yield index;
  };
  await inTurns(untilEnoughAreWrong(), async (index) => {
    const path = pathAt(paths, index);
    const found = await sizeOf(path);
    const other = typeof found === 'number' ? undefined : await otherSpelling(path);
    if (other !== undefined) spelled.set(index, other.path);
    const size = other?.size ?? found;
    if (typeof size === 'number') sizes[index] = size;
    else wrong.push({ index, what: size });
    if ((index + 1) % BETWEEN_REPORTS === 0) progress(index + 1);
  });
  if (wrong.length === 0) return { sizes, spelled };
  // All before the last one looked at have been looked at, so these are the first of the list.
  wrong.sort((a, b) => a.index - b.index);
  const [first, ...others] = wrong.slice(0, NAMED);
  const path = shown(resolve(pathAt(paths, first!.index)));
  const more = others.map(({ index }) => lines[index]).join(', ');
  const rest =
    more === '' ? '' : `; so are those on lines ${more}${wrong.length > NAMED ? ' and others' : ''}`;
  throw new UserError(`${shown(list)}:${lines[first!.index]}: ${path} ${first!.what}${rest}`);
}

/** The file that a path means in another spelling; undefined if there is none. */
async function otherSpelling(path: string): Promise<{ path: string; size: number } | undefined> {
  if (FORMS.every((form) => path.normalize(form) === path)) return undefined;
  const [root, ...parts] = path.split(sep);
  let there = root!;
  // Name by name: folders may be written in one way, and the files in them in the other.
  for (const part of parts) {
    const spellings = [part, ...FORMS.map((form) => part.normalize(form))].map((name) => there + sep + name);
    const found = await firstThere(spellings);
    if (found === undefined) return undefined;
    there = found;
  }
  const size = await sizeOf(there);
  return typeof size === 'number' ? { path: there, size } : undefined;
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
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
