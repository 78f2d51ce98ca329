import { setImmediate } from 'node:timers/promises';
import tf = require('@tensorflow/tfjs');
import type { Dataset } from '../data/dataset.js';
import { datasetSchema } from '../data/forms.js';
import { plainBatches } from '../data/loader/plain-batches.js';
import { stratifiedSubset } from '../data/split.js';
import { evaluationMode } from '../engine/fused/ops.js';
import { scoped } from '../engine/scoped.js';
import { UserError } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import { createBatch } from '../local/batch.js';
import { networkSchema } from '../networks/forms.js';
import { visitUnits, type Network } from '../networks/network.js';
import { randomStream } from '../core/random.js';
import { centredKernel, fewestImages, similaritySums } from './cka.js';
import { probeOptionsSchema, type ProbeOptions } from './probe-units.js';
import type { SimilarityReport } from './similarity-file.js';

/** How alike the units of two networks are; what a report says beside the runs. */
export type UnitSimilarities = Pick<
  SimilarityReport,
  'unitsA' | 'unitsB' | 'similarity' | 'images' | 'batchSize'
>;

/** Nguyen et al. 2021. */
const batchSize = 256;

const forms = {
  networkA: networkSchema,
  networkB: networkSchema,
  dataset: datasetSchema,
  options: probeOptionsSchema,
};

/**
 * Compares the units of two trained networks on the same test images, in evaluation mode: linear CKA in batches of 256
 * (Nguyen et al. 2021), AugLocal's representation similarity (Ma et al. 2024). Features are compared as they are, every
 * position of a map one of its own. Images come in an order drawn by the seed, as batches must be samples of all of
 * them.
 *
 * @param networkA whose units are the rows
 * @param networkB whose units are the columns
 * @param dataset of whose test images
 * @param options which of these, and who is told of it
 * @throws UserError if there are too few images, or features are not finite
 */
export async function compareUnits(
  networkA: Network,
  networkB: Network,
  dataset: Dataset,
  options: ProbeOptions,
): Promise<UnitSimilarities> {
  checkGiven('compareUnits', forms, { networkA, networkB, dataset, options });
  const { images: most, seed, workers, signal, onProgress } = options;
  const { classes, test, imageShape } = dataset;
  const count = Math.min(most, test.size);
  const split = stratifiedSubset(test, classes.length, count, randomStream(seed, 'similarity', 'images'));
  const size = Math.min(batchSize, split.size);
  const sums = similaritySums(networkA.units.length, networkB.units.length);
  const threads = split.kind === 'files' ? workers : 0;
  let compared = 0;
  for await (const batch of plainBatches(dataset, split, {
    ...{ workers: threads, signal, batchSize: size, shuffleSeed: seed },
  })) {
    onProgress?.({ label: 'comparing', unit: 'images', done: compared, total: split.size });
    if (batch.size < fewestImages) continue;
    scoped(() => {
      const { images } = createBatch(batch.images, batch.labels, imageShape, classes.length, dataset);
      const kernelsOf = (network: Network): tf.Tensor1D[] => {
        const kernels: tf.Tensor1D[] = [];
        visitUnits(network, images, evaluationMode, (x) => kernels.push(centredKernel(x))).dispose();
        return kernels;
      };
      sums.add(kernelsOf(networkA), kernelsOf(networkB));
    });
    compared += batch.size;
    // The engine's work is synchronous: without a turn of the event loop no signal gets through.
    await setImmediate();
  }
  if (compared === 0) {
    throw new UserError(`similarity needs at least ${fewestImages} test images that can be decoded`);
  }
  const similarity = sums.similarity();
  if (similarity.flat().some((value) => value !== null && !Number.isFinite(value))) {
    throw new UserError('a network makes features that are not finite of some images: its training diverged');
  }
  const names = ({ units }: Network): string[] => units.map(({ name }) => name);
  return { unitsA: names(networkA), unitsB: names(networkB), similarity, images: compared, batchSize: size };
}
