import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { EvaluationSplit } from './file-images.js';
import { shown } from '../../core/shown.js';

type SplitName = 'train' | EvaluationSplit;

/** What people call the folders of splits, in small letters. */
const usual: ReadonlyMap<string, SplitName> = new Map<string, SplitName>([
  ...(['train', 'training'] as const).map((name) => [name, 'train'] as const),
  ...(['test', 'testing'] as const).map((name) => [name, 'test'] as const),
  ...(['val', 'valid', 'validation', 'eval', 'evaluation'] as const).map((name) => [name, 'val'] as const),
]);

/** Which split a folder's name speaks of, if one: `training_set`, `seg_test`, `trainset`. A class may be called so too. */
function spokenOf(folder: string): SplitName | undefined {
  const words = folder.toLowerCase().split(/[^a-z]+/);
  return words
    .map((word) => usual.get(word.replace(/(s|sets?|data|images?)$/, '')))
    .find((each) => each !== undefined);
}

/** Whether the folders are those of splits and nothing else, by their names. */
function areSplits(folders: readonly string[]): boolean {
  const spoken = new Set(folders.map(spokenOf));
  return spoken.size > 1 && spoken.has('train') && !spoken.has(undefined);
}

/**
 * Refuses folders in `dir` that are named much as one of the splits, but not so: their splits would be missing, or they
 * would be taken for classes.
 * @throws UserError saying how to rename them
 */
export function refuseMisnamedSplits(
  dir: string,
  folders: readonly string[],
  splits: readonly SplitName[],
): void {
  const splitOf = areSplits(folders) ? spokenOf : (folder: string) => usual.get(folder.toLowerCase());
  const renames = folders
    .map((folder) => ({ folder, split: splitOf(folder) }))
    .filter(({ folder, split }) => split !== undefined && split !== folder && splits.includes(split))
    .map(({ folder, split }) => `${shown(folder)} to ${split}`);
  if (renames.length === 0) return;
  const example = shown(join(dir, 'train'));
  throw new UserError(
    `${shown(dir)}: folders of splits are named train, test and val, as in ${example}/<class>: rename ${renames.join(', ')} (a class of such a name needs another)`,
  );
}
