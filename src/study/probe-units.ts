import { setImmediate } from 'node:timers/promises';
import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { checkGiven, functionSchema, signalSchema, sizeSchema } from '../core/given.js';
import type { Dataset, Split } from '../data/dataset.js';
import { datasetSchema } from '../data/forms.js';
import { plainBatches } from '../data/loader/plain-batches.js';
import { stratifiedSubset } from '../data/split.js';
import { evaluationMode } from '../engine/fused/ops.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { scoped } from '../engine/scoped.js';
import { UserError } from '../core/errors.js';
import { createBatch } from '../local/batch.js';
import { networkSchema } from '../networks/forms.js';
import { visitUnits, type Network } from '../networks/network.js';
import { globalAveragePool } from '../nn/layers.js';
import { randomStream } from '../core/random.js';
import { fitProbe, type LinearProbe } from './linear-probe.js';
import type { ProbeReport } from './probe-file.js';
import { hitsOf } from '../train/evaluate.js';

/** How far a piece of long work is. */
export interface ProbeProgress {
  readonly label: string;
  readonly unit: 'images' | 'probes';
  readonly done: number;
  readonly total: number;
}

/** Which images to probe or to compare on, and who is told of it. */
export interface ProbeOptions {
  /** The most training images to fit the probes to, or test images to compare on; each class has an equal share. */
  readonly images: number;
  /** Of the choice of images. */
  readonly seed: number;
  /** Threads that decode image files. */
  readonly workers: number;
  /** Ends the work by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far the work is. */
  readonly onProgress?: ((progress: ProbeProgress) => void) | undefined;
}

/** What linear classifiers make of the features after each unit; what a report says beside the run. */
export type UnitProbes = Pick<ProbeReport, 'units' | 'networkAccuracy' | 'trainImages' | 'testImages'>;

/** What `ProbeOptions` look like, for programs that no type checker has seen. */
export const probeOptionsSchema = z.object({
  images: sizeSchema,
  seed: z.int(),
  workers: z.int().min(0),
  signal: signalSchema.optional(),
  onProgress: functionSchema.optional(),
});
const forms = { network: networkSchema, dataset: datasetSchema, options: probeOptionsSchema };

/**
 * Fits a linear classifier to the features after every unit of a trained network, in evaluation mode, and measures each
 * on the test split (AugLocal's linear probing, Ma et al. 2024). A probe reads the unit's map averaged over space,
 * which is how the network's own head and the smallest auxiliary nets read theirs; the images are not augmented. Held
 * in memory are one number a channel and training image, and of the test images one batch at a time.
 *
 * @throws UserError if features are not finite, no image can be decoded, or memory does not suffice
 */
export async function probeUnits(
  network: Network,
  dataset: Dataset,
  options: ProbeOptions,
): Promise<UnitProbes> {
  checkGiven('probeUnits', forms, { network, dataset, options });
  try {
    return await probed(network, dataset, options);
  } catch (error) {
    throw outOfMemoryIn('probe', 'take fewer images (probe --images), or free memory on this machine', error);
  }
}

async function probed(network: Network, dataset: Dataset, options: ProbeOptions): Promise<UnitProbes> {
  const { images, seed, signal, onProgress } = options;
  const classes = dataset.classes.length;
  const count = Math.min(images, dataset.train.size);
  const split = stratifiedSubset(dataset.train, classes, count, randomStream(seed, 'probe', 'images'));
  const training = await collectFeatures(network, dataset, split, options);
  const widths = network.units.map(({ output }) => output.channels);
  const probes: LinearProbe[] = [];
  const trainAccuracies: number[] = [];
  const labels = tf.tidy(() => oneHot(training.labels, classes));
  try {
    for (const [i, width] of widths.entries()) {
      onProgress?.({ label: 'fitting', unit: 'probes', done: i, total: widths.length });
      const features = tf.tidy(() => tf.tensor2d(training.columns[i]!, [training.count, width]));
      try {
        const probe = await fitProbe({ features, labels }, signal);
        probes.push(probe);
        trainAccuracies.push(
          scoped(() => hitsOf(probe.logits(features), labels).dataSync()[0]! / training.count),
        );
      } finally {
        features.dispose();
      }
    }
    const test = await testProbes(network, dataset, probes, options);
    return {
      trainImages: training.count,
      testImages: test.count,
      networkAccuracy: test.correct[0]! / test.count,
      units: network.units.map(({ name }, i) => ({
        name,
        features: widths[i]!,
        accuracy: test.correct[i + 1]! / test.count,
        trainAccuracy: trainAccuracies[i]!,
      })),
    };
  } finally {
    labels.dispose();
    for (const probe of probes) probe.dispose();
  }
}

/** Features of every unit, averaged over space. */
interface PooledFeatures {
  readonly count: number;
  readonly labels: Int32Array;
  /** By unit, `[count, channels]`. */
  readonly columns: readonly Float32Array[];
}

async function collectFeatures(
  network: Network,
  dataset: Dataset,
  split: Split,
  options: ProbeOptions,
): Promise<PooledFeatures> {
  const widths = network.units.map(({ output }) => output.channels);
  const columns = widths.map((width) => new Float32Array(width * split.size));
  const labels = new Int32Array(split.size);
  let count = 0;
  for await (const batch of batchesOf(dataset, split, options)) {
    options.onProgress?.({ label: 'features', unit: 'images', done: count, total: split.size });
    const all = scoped(() => {
      const { images } = createBatch(
        batch.images,
        batch.labels,
        dataset.imageShape,
        network.classes,
        dataset,
      );
      const pooled: tf.Tensor[] = [];
      visitUnits(network, images, evaluationMode, (x) =>
        pooled.push(globalAveragePool.forward(x, evaluationMode)),
      );
      // One read a batch: on a GPU each waits for all the work before it.
      return pooled.length === 1 ? pooled[0]!.dataSync() : tf.concat(pooled, 1).dataSync();
    });
    if (all.some((value) => !Number.isFinite(value))) {
      throw new UserError(
        'the network makes features that are not finite of some images: its training diverged',
      );
    }
    const stride = all.length / batch.size;
    for (let image = 0; image < batch.size; image++) {
      let at = image * stride;
      for (const [unit, width] of widths.entries()) {
        columns[unit]!.set(all.subarray(at, at + width), (count + image) * width);
        at += width;
      }
    }
    labels.set(batch.labels, count);
    count += batch.size;
  }
  if (count === 0) throw new UserError('there is no image to fit probes to: all of them are bad');
  return {
    count,
    labels: labels.subarray(0, count),
    columns: columns.map((column, unit) => column.subarray(0, count * widths[unit]!)),
  };
}

/** How many test images the network's head, and then each probe, gets right. */
async function testProbes(
  network: Network,
  dataset: Dataset,
  probes: readonly LinearProbe[],
  options: ProbeOptions,
): Promise<{ readonly count: number; readonly correct: readonly number[] }> {
  const correct = [0, ...probes.map(() => 0)];
  let count = 0;
  for await (const batch of batchesOf(dataset, dataset.test, options)) {
    options.onProgress?.({ label: 'testing', unit: 'images', done: count, total: dataset.test.size });
    scoped(() => {
      const { images, labels } = createBatch(
        batch.images,
        batch.labels,
        dataset.imageShape,
        network.classes,
        dataset,
      );
      const found: tf.Scalar[] = [];
      const last = visitUnits(network, images, evaluationMode, (x, _, i) => {
        const pooled = globalAveragePool.forward(x, evaluationMode) as tf.Tensor2D;
        found.push(hitsOf(probes[i]!.logits(pooled), labels));
      });
      const own = hitsOf(network.head.forward(last, evaluationMode) as tf.Tensor2D, labels);
      tf.stack([own, ...found])
        .dataSync()
        .forEach((value, i) => (correct[i]! += value));
    });
    count += batch.size;
  }
  if (count === 0) throw new UserError('there is no image to test probes on: all of them are bad');
  return { count, correct };
}

async function* batchesOf(
  dataset: Dataset,
  split: Split,
  { workers, signal }: ProbeOptions,
): ReturnType<typeof plainBatches> {
  const threads = split.kind === 'files' ? workers : 0;
  for await (const batch of plainBatches(dataset, split, { workers: threads, signal })) {
    if (batch.size > 0) yield batch;
    // The engine's work is synchronous: without a turn of the event loop no signal gets through.
    await setImmediate();
  }
}

function oneHot(labels: Int32Array, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32') as tf.Tensor2D;
}
