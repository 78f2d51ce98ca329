import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../core/errors.js';

/** A folder of comparisons of runs is as deep as anyone nests them. */
const deepest = 3;

/**
 * The one finder of runs: the run folders that the folders are or hold, in the order of their names, each once. Links to folders inside are
 * not followed.
 *
 * @param levels of folders below these that are looked through
 * @throws UserError if a folder can't be read
 */
export function findRunFolders(folders: readonly string[], levels = deepest): string[] {
  const found = folders.flatMap((folder) => {
    try {
      if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: not a folder`);
      return runFoldersIn(folder, levels);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`${folder}: cannot read the folder: ${messageOf(error)}`);
    }
  });
  const byPlace = new Map(found.map((folder) => [realpathSync(folder), folder]));
  return [...byPlace.values()];
}

function runFoldersIn(folder: string, levels: number): string[] {
  if (existsSync(join(folder, 'config.yaml')) && existsSync(join(folder, 'metrics.csv'))) return [folder];
  if (levels === 0) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map(({ name }) => join(folder, name))
    .sort()
    .flatMap((path) => runFoldersIn(path, levels - 1));
}
