import { UserError } from '../core/errors.js';
import type { SafeTensor, SafeTensorFile } from '../formats/safetensors.js';
import { readCheckpoint } from './checkpoint/file.js';
import { checkpointsOf, listCheckpoints } from './checkpoint/store.js';
import type { RunSummary } from './summary.js';

/** What a run folder holds of a run that has trained something. */
export interface TrainedFiles {
  readonly folder: string;
  readonly summary: RunSummary;
  readonly weights: SafeTensorFile;
  readonly weightsPath: string;
}

/** Weights of a run that has averages of them (`train.ema`): these, or those that they are averages of. */
export type WhichWeights = 'averaged' | 'trained';

/**
 * The files with the weights that are asked for, by default those that were evaluated. The file of weights has the
 * averages, where there are any; those as they were trained are in the newest checkpoint.
 *
 * @throws UserError if there are no such weights
 */
export function chooseWeights<Files extends TrainedFiles>(files: Files, which?: WhichWeights): Files {
  const { folder, summary, weights } = files;
  const averaged = summary.weights === 'averaged';
  if (which === 'averaged' && !averaged) {
    throw new UserError(`${folder}: has no averaged weights: it was trained without train.ema`);
  }
  if (which !== 'trained' || !averaged) return files;
  const checkpoints = checkpointsOf(folder);
  const newest = listCheckpoints(checkpoints)[0];
  if (newest === undefined) {
    throw new UserError(
      `${checkpoints}: there is no checkpoint, which alone has the weights that were averaged: take the averaged ones`,
    );
  }
  const { tensors, counters } = readCheckpoint(checkpoints, newest).state;
  const trained = new Map<string, SafeTensor>();
  for (const name of weights.tensors.keys()) {
    const own = `network/${name}`;
    const count = Object.hasOwn(counters, own) ? counters[own] : undefined;
    const tensor =
      count === undefined ? tensors.get(own) : { shape: [], values: BigInt64Array.of(BigInt(count)) };
    if (tensor === undefined) throw new UserError(`${checkpoints}: the newest checkpoint has no ${name}`);
    trained.set(name, tensor);
  }
  const metadata = Object.fromEntries(Object.entries(weights.metadata).filter(([key]) => key !== 'weights'));
  return { ...files, weights: { tensors: trained, metadata } };
}
