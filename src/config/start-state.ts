import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { expandHome } from '../core/home.js';
import { visible } from '../core/visible.js';

/** The training state that a run begins with, in the place of a fresh one: a path, or that with more about it. */
export const startStateSchema = z.preprocess(
  (value) => (typeof value === 'string' ? { from: value } : value),
  z.strictObject({
    /** A run's folder, whose newest checkpoint it is, or a checkpoint's `.json`; relative to the file that names it. */
    from: z.string().min(1),
    /** Of that `.json`. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
      .exactOptional(),
  }),
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
    return { from: file, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
  } catch (error) {
    throw new UserError(visible(`${place}: train.init: cannot read the training state: ${messageOf(error)}`));
  }
}

/** Undefined sums pass; `file` is as it was read. */
export function refuseOtherState({ from, sha256 }: StartState, bytes: Uint8Array): void {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === undefined || found === sha256) return;
  throw new UserError(
    visible(
      `train.init: ${from} is not the checkpoint that was recorded: its SHA-256 is ${found}, not ${sha256}; bring that one back, or train anew without sha256`,
    ),
  );
}

function newestIn(run: string): string {
  const folder = join(run, 'checkpoints');
  if (!existsSync(folder)) throw new UserError(`${run} is not a run's folder, or one without checkpoints`);
  const inOrder = new Intl.Collator('en', { numeric: true });
  const newest = readdirSync(folder)
    .filter((file) => /^epoch-\d+(-batch-\d+)?\.json$/.test(file))
    .map((file) => file.slice(0, -'.json'.length))
    .sort((a, b) => inOrder.compare(a, b))
    .at(-1);
  if (newest === undefined) throw new UserError(`${folder}: there is no checkpoint in it`);
  return join(folder, `${newest}.json`);
}
