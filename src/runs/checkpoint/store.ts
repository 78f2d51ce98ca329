import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '../../core/errors.js';
import type { EpochMetrics } from '../../train/events.js';
import { bestEpoch } from '../best-epoch.js';
import { anewCommand } from '../write-failure.js';
import {
  checkpointName,
  parseCheckpointName,
  positionInWords,
  readCheckpoint,
  type Checkpoint,
  type CheckpointPosition,
} from './file.js';

/** Names the folder of a run folder that holds its checkpoints. */
export function checkpointsOf(runFolder: string): string {
  return join(runFolder, 'checkpoints');
}

/**
 * Lists the checkpoints in a folder.
 *
 * @returns where they stand, the newest first; none if the folder is not there
 * @throws UserError if the folder can't be read
 */
export function listCheckpoints(folder: string): CheckpointPosition[] {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new UserError(`${folder}: cannot be read: ${messageOf(error)}`);
  }
  return files
    .map(parseCheckpointName)
    .filter((position) => position !== undefined)
    .sort((a, b) => b.epochs - a.epochs || b.batches - a.batches);
}

/**
 * Reads the newest checkpoint that is whole.
 *
 * @param onDamaged told of each newer one that is not
 * @returns undefined where there are none at all
 * @throws UserError if there are some and none is whole
 */
export function newestCheckpoint(
  folder: string,
  onDamaged: (message: string) => void,
): Checkpoint | undefined {
  const positions = listCheckpoints(folder);
  const problems: string[] = [];
  for (const position of positions) {
    try {
      const checkpoint = readCheckpoint(folder, position);
      problems.forEach((problem) =>
        onDamaged(`${problem}; the checkpoint ${positionInWords(position)} is used instead`),
      );
      return checkpoint;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length === 0) return undefined;
  throw new UserError(
    [
      ...problems,
      `${folder}: no checkpoint is whole: train the run anew with: ${anewCommand(dirname(folder))}`,
    ].join('\n'),
  );
}

/** Removes all but the newest `keep` checkpoints and that of the best epoch, and what has no record. */
export function removeOldCheckpoints(folder: string, keep: number, epochs: readonly EpochMetrics[]): void {
  const best = bestEpoch(epochs);
  const kept = listCheckpoints(folder).filter(
    ({ epochs: done, batches }, i) => i < keep || (done === best && batches === 0),
  );
  const names = new Set(kept.map(checkpointName));
  const files = readdirSync(folder).filter((file) => /^epoch-.*\.(json|safetensors)$/.test(file));
  // Records first: tensors without one are no checkpoint, a record without tensors would be a damaged one.
  for (const file of files.sort()) {
    if (!names.has(file.replace(/\.\w+$/, ''))) rmSync(join(folder, file), { force: true });
  }
}
