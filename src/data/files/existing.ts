import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { sep } from 'node:path';
import { messageOf, UserError } from '../../core/errors.js';
import { pathAt, type PathList } from './path-list.js';
import { exists, isMissing } from '../../core/read.js';
import { shown } from './shown.js';

/** The ways in which a name with accents may be written. */
const FORMS = ['NFC', 'NFD'] as const;
/** Looks at a time; the file system's own threads are fewer. */
const AT_ONCE = 32;
/** Paths that a message names; one more is looked for, to say that there are more. */
const NAMED = 3;
const BETWEEN_REPORTS = 10_000;

/**
 * Looks at every path once, in order, and stops when enough are absent to be named. One that is there with its accents
 * composed or decomposed (Unicode NFC, NFD), but not as the list has it, counts as there.
 * @param lines the line of the list that each path is on
 * @returns those paths as they are there, by their index
 * @throws UserError naming the first paths that do not exist or are no files, with their lines
 */
export async function checkPathsExist(
  list: string,
  paths: PathList,
  lines: readonly number[],
  progress: (checked: number) => void,
): Promise<ReadonlyMap<number, string>> {
  const spelled = new Map<number, string>();
  const wrong: { index: number; what: string }[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < lines.length && wrong.length <= NAMED) {
      const index = next++;
      const path = pathAt(paths, index);
      const what = await faultOf(path);
      const other = what === undefined ? undefined : await otherSpelling(path);
      if (other !== undefined) spelled.set(index, other);
      else if (what !== undefined) wrong.push({ index, what });
      if ((index + 1) % BETWEEN_REPORTS === 0) progress(index + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (wrong.length === 0) return spelled;
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
async function otherSpelling(path: string): Promise<string | undefined> {
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
  return (await faultOf(there)) === undefined ? there : undefined;
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

async function faultOf(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isFile() ? undefined : 'is no file';
  } catch (error) {
    return isMissing(error) ? 'is missing' : `cannot be looked at (${shown(messageOf(error))})`;
  }
}
