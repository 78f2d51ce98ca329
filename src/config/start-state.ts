import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { expandHome } from '../core/home.js';
import { sha256Of, sha256Schema } from '../core/sha256.js';
import { visible } from '../core/visible.js';
import { checkpointName, checkpointsOf, listCheckpoints } from '../formats/checkpoint-names.js';
import { orMap, refuseOtherContent } from './recorded-file.js';

/** The training state that a run begins with, in the place of a fresh one: a path, or that with more about it. */
export const startStateSchema = z.preprocess(
  (value) => (typeof value === 'string' ? { from: value } : value),
  z.strictObject(
    {
      /**
       * A run's folder, whose newest checkpoint it is, or a checkpoint's `.json`; relative to the file that names it, by
       * `--set` to the current folder.
       */
      from: z.string().min(1),
      /** Of that `.json`. */
      sha256: sha256Schema.exactOptional(),
    },
    { error: orMap("the path of a run's folder or of one of its checkpoints (.json)", '{ from, sha256 }') },
  ),
);

/** The training state that a run begins with, as a config has it. */
export interface StartState {
  /** A checkpoint's `.json`; where `loadConfig` read the config by absolute path. */
  readonly from: string;
  /** Of that file, which has the checksum of the tensors in it. */
  readonly sha256?: string;
}

/**
 * The checkpoint by absolute path and with its SHA-256, as run folders record it. One whose sum is there already is not
 * looked for: what comes of a run with checkpoints of its own needs it no more.
 *
 * @param folder that a relative path starts from
 * @param place of the config, for messages
 * @throws UserError if there is none
 */
export function identifyState({ from, sha256 }: StartState, folder: string, place: string): StartState {
  const path = resolve(folder, expandHome(from));
  if (sha256 !== undefined) return { from: path, sha256 };
  try {
    const file = statSync(path).isDirectory() ? newestIn(path) : path;
    return { from: file, sha256: sha256Of(readFileSync(file)) };
  } catch (error) {
    throw new UserError(visible(`${place}: train.init: cannot read the training state: ${messageOf(error)}`));
  }
}

/** Undefined sums pass; `file` is as it was read. */
export function refuseOtherState({ from, sha256 }: StartState, bytes: Uint8Array): void {
  refuseOtherContent(sha256Of(bytes), {
    ...{ place: 'train.init', path: from, what: 'checkpoint', recorded: sha256 },
    remedy: 'bring that one back, or train anew without sha256',
  });
}

function newestIn(run: string): string {
  const folder = checkpointsOf(run);
  if (!existsSync(folder)) throw new UserError(`${run} is not a run's folder, or one without checkpoints`);
  const [newest] = listCheckpoints(folder);
  if (newest === undefined) throw new UserError(`${folder}: there is no checkpoint in it`);
  return join(folder, `${checkpointName(newest)}.json`);
}
