import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Chosen } from '../core/choice.js';
import { messageOf, UserError } from '../core/errors.js';
import { expandHome } from '../core/home.js';
import { sha256Of, sha256Schema } from '../core/sha256.js';
import { visible } from '../core/visible.js';
import { orMap, refuseOtherContent } from './recorded-file.js';

/** Weights that training starts from, in the place of drawn ones: a path, or that with more about it. */
export const startWeightsSchema = z.preprocess(
  (value) => (typeof value === 'string' ? { file: value } : value),
  z.strictObject(
    {
      /**
       * A safetensors file, or the folder of a run, whose `weights.safetensors` it is; relative to the file that names it,
       * by `--set` to the current folder.
       */
      file: z.string().min(1),
      /** `new`: the head starts anew, and the file's is not read, as for another number of classes. */
      head: z.literal('new').exactOptional(),
      /** Of the file that it must be. */
      sha256: sha256Schema.exactOptional(),
    },
    { error: orMap("the path of a safetensors file or of a run's folder", '{ file, head, sha256 }') },
  ),
);

/** Weights that training starts from, as a config has them. */
export interface StartWeights {
  /** A safetensors file; where `loadConfig` read the config by absolute path. */
  readonly file: string;
  /** Whether the network keeps a head of its own. */
  readonly head?: 'new';
  /** Of the file that it must be. */
  readonly sha256?: string;
}
/** The `network` section of a config, validated, defaults filled in. */
export type StartedNetwork = Chosen & { readonly weights?: StartWeights };

/** A config's network apart from the weights that it starts with. */
export function splitNetwork({ weights, ...options }: StartedNetwork): {
  readonly options: Chosen;
  readonly weights: StartWeights | undefined;
} {
  return { options, weights };
}

/**
 * The weights by absolute path and with the SHA-256 of their content, as run folders record them. A file whose sum is
 * there already is not read: what comes of a finished run needs it no more.
 *
 * @param folder that a relative path starts from
 * @param place of the config, for messages
 * @throws UserError if the file can't be read
 */
export function identifyWeights(
  { file, sha256, ...rest }: StartWeights,
  folder: string,
  place: string,
): StartWeights {
  const path = resolve(folder, expandHome(file));
  if (sha256 !== undefined) return { file: path, ...rest, sha256 };
  try {
    const weights = statSync(path).isDirectory() ? join(path, 'weights.safetensors') : path;
    return { file: weights, ...rest, sha256: sha256Of(readFileSync(weights)) };
  } catch (error) {
    throw new UserError(visible(`${place}: network.weights: cannot read the weights: ${messageOf(error)}`));
  }
}

/**
 * The bytes of the weights.
 *
 * @throws UserError if the file can't be read or is not the one recorded
 */
export function readStartWeights({ file, sha256 }: StartWeights): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(visible(`network.weights: cannot read the weights: ${messageOf(error)}`));
  }
  refuseOtherContent(sha256Of(bytes), {
    ...{ place: 'network.weights', path: file, what: 'file', recorded: sha256 },
    remedy: 'bring that file back, or train anew without sha256',
  });
  return bytes;
}
