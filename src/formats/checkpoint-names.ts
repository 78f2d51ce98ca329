import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../core/errors.js';
import { checkGiven, pathSchema } from '../core/given.js';

/** Where a run stands: so many epochs are done, and so many batches of the next. */
export interface CheckpointPosition {
  readonly epochs: number;
  readonly batches: number;
}

/** `epoch-2`, or `epoch-2-batch-17` for one in the middle of the third epoch. */
export function checkpointName({ epochs, batches }: CheckpointPosition): string {
  return batches === 0 ? `epoch-${epochs}` : `epoch-${epochs}-batch-${batches}`;
}

/** Undefined for a file that is no checkpoint's. */
export function parseCheckpointName(file: string): CheckpointPosition | undefined {
  const [, epochs, batches = '0'] = /^epoch-(\d+)(?:-batch-(\d+))?\.json$/.exec(file) ?? [];
  return epochs === undefined ? undefined : { epochs: Number(epochs), batches: Number(batches) };
}

/** Names the folder of a run folder that holds its checkpoints. */
export function checkpointsOf(runFolder: string): string {
  checkGiven('checkpointsOf', { runFolder: pathSchema }, { runFolder });
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
