import { checkpointsOf, listCheckpoints } from '../formats/checkpoint-names.js';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BadImageRefused } from '../data/files/bad-image.js';
import { isOutOfMemory } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import { Diverged } from '../train/diverged.js';
import { positionInWords } from './checkpoint/file.js';
import { readRunSummary, type RunIdentity } from './summary.js';
import { resumeCommand, WriteFailure } from './write-failure.js';

/** A run that failed by itself, not for want of room to write. */
export interface FailedRun extends RunIdentity {
  readonly folder: string;
  /** In a few words, for tables: `diverged at epoch 1, step 3`. */
  readonly failure: string;
  /** The whole message. */
  readonly error: string;
}

/** What became of a run, in a few words; undefined where it is no fault of the run, so that it may just go on. */
export function failureOf(error: unknown): string | undefined {
  if (error instanceof WriteFailure) return undefined;
  if (error instanceof Diverged) return `diverged at ${error.at}`;
  return isOutOfMemory(error) ? 'out of memory' : 'failed';
}

/** A run folder's failure; undefined if it has not failed, or if an earlier version recorded it. */
export function failedRun(folder: string): FailedRun | undefined {
  const path = join(folder, 'summary.json');
  if (!existsSync(path)) return undefined;
  const { status, failure, error, ...identity } = readRunSummary(path);
  if (status !== 'failed' || failure === undefined || error === undefined) return undefined;
  return { ...identity, folder, failure, error };
}

/**
 * The error, saying what is kept of the run and how to go on with it, where anything is.
 * @param note told of it where the error's own message cannot say so
 */
export function howToGoOn(error: unknown, folder: string, note: (message: string) => void): unknown {
  const newest = listCheckpoints(checkpointsOf(folder))[0];
  if (newest === undefined || error instanceof WriteFailure) return error;
  if (error instanceof Diverged) {
    const kept = `the checkpoint ${positionInWords(newest)} is kept in ${checkpointsOf(folder)}`;
    return new UserError(`${error.message}; ${kept}`, { cause: error });
  }
  const kept = `the run is kept as it was ${positionInWords(newest)}`;
  if (error instanceof BadImageRefused) {
    const command = `${resumeCommand(folder)} --set ${BadImageRefused.remedy}`;
    return new UserError(`${error.message}; ${kept}: go on with: ${command}`, { cause: error });
  }
  const goOn = `${kept}: go on with the same config with: ${resumeCommand(folder)}`;
  if (error instanceof UserError) return new UserError(`${error.message}; ${goOn}`, { cause: error });
  note(goOn);
  return error;
}
