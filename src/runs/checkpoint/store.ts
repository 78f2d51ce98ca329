import { checkpointName, listCheckpoints } from '../../formats/checkpoint-names.js';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { EpochMetrics } from '../../train/events.js';
import { bestEpoch } from '../best-epoch.js';
import { anewCommand } from '../write-failure.js';
import { positionInWords, readCheckpoint, type Checkpoint } from './file.js';

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
