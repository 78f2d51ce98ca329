import { z } from 'zod';
import {
  checkpointName,
  checkpointsOf,
  listCheckpoints,
  type CheckpointPosition,
} from '../formats/checkpoint-names.js';
import { join } from 'node:path';
import { UserError } from '../core/errors.js';
import type { SafeTensor, SafeTensorFile } from '../formats/safetensors.js';
import { bestEpoch } from './best-epoch.js';
import { readCheckpoint } from './checkpoint/file.js';
import { readMetrics } from './metrics.js';
import type { RunSummary } from './summary.js';

/** What a run folder holds of a run that has trained something. */
export interface TrainedFiles {
  readonly folder: string;
  readonly summary: RunSummary;
  readonly weights: SafeTensorFile;
  readonly weightsPath: string;
  /** The epoch after which the network had these weights, where they are the best epoch's. */
  readonly bestEpoch?: number;
}

/**
 * Weights of a run: those of the epoch that was best on the split evaluated on (`best`); of a run that has averages of
 * them (`train.ema`) these, or those that they are averages of.
 */
export type WhichWeights = 'best' | 'averaged' | 'trained';

/** Their names. */
export const whichWeightsSchema: z.ZodType<WhichWeights> = z.enum(['best', 'averaged', 'trained']);

/**
 * The files with the weights that are asked for, by default those that were evaluated last. The file of weights has the
 * averages, where there are any; those as they were trained, and the best, are in checkpoints.
 *
 * @throws UserError if there are no such weights
 */
export function chooseWeights<Files extends TrainedFiles>(files: Files, which?: WhichWeights): Files {
  const { folder, summary, weights } = files;
  const averaged = summary.weights === 'averaged';
  if (which === 'averaged' && !averaged) {
    throw new UserError(`${folder}: has no averaged weights: it was trained without train.ema`);
  }
  if (which === 'best') return bestWeights(files);
  if (which !== 'trained' || !averaged) return files;
  const checkpoints = checkpointsOf(folder);
  const newest = listCheckpoints(checkpoints)[0];
  if (newest === undefined) {
    throw new UserError(
      `${checkpoints}: there is no checkpoint, which alone has the weights that were averaged: take the averaged ones`,
    );
  }
  const metadata = Object.fromEntries(Object.entries(weights.metadata).filter(([key]) => key !== 'weights'));
  return { ...files, weights: { tensors: weightsIn(files, newest, ['network/']), metadata } };
}

/** Those that were evaluated after the best epoch: averages, where there are any. */
function bestWeights<Files extends TrainedFiles>(files: Files): Files {
  const { folder, summary, weights } = files;
  const best = bestEpoch(readMetrics(join(folder, 'metrics.csv')));
  if (best === undefined) throw new UserError(`${folder}: has no finished epoch, so none that is best`);
  const checkpoints = checkpointsOf(folder);
  if (!listCheckpoints(checkpoints).some(({ epochs, batches }) => epochs === best && batches === 0)) {
    throw new UserError(
      `${checkpoints}: there is no checkpoint of epoch ${best}, the best one: it was removed, or is of an older version`,
    );
  }
  const names = summary.weights === 'averaged' ? ['average/network/', 'network/'] : ['network/'];
  const tensors = weightsIn(files, { epochs: best, batches: 0 }, names);
  return {
    ...files,
    bestEpoch: best,
    weights: { tensors, metadata: { ...weights.metadata, epoch: String(best) } },
  };
}

/**
 * The network's weights in a checkpoint.
 *
 * @param prefixes what they are called there: of each the first that is there
 */
function weightsIn(
  { folder, weights }: TrainedFiles,
  position: CheckpointPosition,
  prefixes: readonly string[],
): Map<string, SafeTensor> {
  const checkpoints = checkpointsOf(folder);
  const { tensors, counters } = readCheckpoint(checkpoints, position).state;
  const found = new Map<string, SafeTensor>();
  for (const name of weights.tensors.keys()) {
    const own = `network/${name}`;
    const count = Object.hasOwn(counters, own) ? counters[own] : undefined;
    const there = prefixes.map((prefix) => tensors.get(prefix + name)).find((each) => each !== undefined);
    const tensor = count === undefined ? there : { shape: [], values: BigInt64Array.of(BigInt(count)) };
    if (tensor === undefined) {
      throw new UserError(`${join(checkpoints, checkpointName(position))}: the checkpoint has no ${name}`);
    }
    found.set(name, tensor);
  }
  return found;
}
