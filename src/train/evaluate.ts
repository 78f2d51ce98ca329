import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import type { Dataset, ImageBatch } from '../data/dataset.js';
import { evaluationMode } from '../engine/fused/ops.js';
import { scoped } from '../engine/scoped.js';
import { UserError } from '../core/errors.js';
import { inPhase } from '../engine/out-of-memory.js';
import { checkGiven, functionSchema, numbersSchema, imageShapeSchema } from '../core/given.js';
import { createBatch, type Batch } from '../local/batch.js';
import type { Classifier } from '../local/classifier.js';
import { crossEntropy } from '../local/axes/loss/cross-entropy.js';
import { networkSchema } from '../networks/forms.js';
import { visitUnits, type Network, type VisitUnit } from '../networks/network.js';
import { byClassOf, tallyByClass, type ByClass } from './by-class.js';
import { evaluatedAsItIs, type CapturedEvaluation } from './captured-evaluation.js';
import type { MetricTally } from './metric.js';
import { alone, type AddUp } from './over-ranks.js';

/** What a network is worth on the images that it was evaluated on. */
export interface Evaluation {
  /** 0…1. */
  readonly accuracy: number;
  /** Share of the images whose class is among the five likeliest, 0…1, of data sets that it is told of (`hasTop5`). */
  readonly top5?: number;
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Accuracy of each of the classifiers, 0…1, in their order. */
  readonly classifierAccuracies: readonly number[];
  /** What the images of each class are taken for. */
  readonly byClass: ByClass;
}

/** What `evaluate` does beside evaluating. */
export interface EvaluateOptions {
  /** Runs after each batch; where it comes to false, evaluation ends. */
  readonly onBatch?: () => Promise<boolean>;
  /** Of the updates of a strategy. */
  readonly classifiers?: readonly Classifier[];
  /** Over ranks that evaluate shares of the batches. */
  readonly addUp?: AddUp | undefined;
  /** Are given each image's logits, of this rank's share. */
  readonly tallies?: readonly MetricTally[];
  /** Computes batches as they were captured, once they were: of this network and these classifiers alone. */
  readonly captured?: CapturedEvaluation | undefined;
}

/** Whether top-5 accuracy is told: of many classes, as papers have it. */
export function hasTop5(classes: number): boolean {
  return classes >= 100;
}

const forms = {
  network: networkSchema,
  dataset: z.object({ imageShape: imageShapeSchema, mean: numbersSchema, std: numbersSchema }),
  batches: z.custom(
    (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
    "must be what a loader's batches(epoch) gives",
  ),
  options: z.object({ onBatch: functionSchema, classifiers: z.array(z.unknown()) }).partial(),
};

/**
 * Evaluates a network on batches, running statistics in use, and classifiers on its units' features, which are computed
 * once for all.
 *
 * @param batches as a loader hands them over
 * @returns accuracy and loss over all images; undefined where `onBatch` has ended it
 * @throws UserError if the batches have no image, or a classifier reads a unit that the network has not
 */
export async function evaluate(
  network: Network,
  dataset: Dataset,
  batches: AsyncIterable<ImageBatch>,
  options: EvaluateOptions = {},
): Promise<Evaluation | undefined> {
  checkGiven('evaluate', forms, { network, dataset, batches, options });
  const { onBatch, classifiers = [], addUp = alone, tallies = [], captured = evaluatedAsItIs } = options;
  const lost = classifiers.find(({ after }) => !network.units.some(({ name }) => name === after));
  if (lost !== undefined) {
    throw new UserError(
      `a classifier reads the features after '${lost.after}', which is no unit of ${network.name}`,
    );
  }
  const correct = [0, ...classifiers.map(() => 0)];
  const answered = tallyByClass(network.classes);
  let loss = 0;
  let amongFive = 0;
  let count = 0;
  captured.renew();
  for await (const { images, labels, size } of batches) {
    const evaluateImages = (): void => {
      const batch = createBatch(images, labels, dataset.imageShape, network.classes, dataset);
      const [found, logits] = captured.compute(batch, () =>
        evaluateBatch(network, classifiers, batch, tallies.length > 0),
      );
      if (logits !== undefined) addTo(tallies, logits as tf.Tensor2D, labels);
      const result = read(found as tf.Tensor1D, size, classifiers.length);
      result.answers.forEach((answer, i) => {
        answered.add(labels[i]!, answer);
        if (answer === labels[i]) correct[0]!++;
      });
      classifiers.forEach((_, i) => (correct[i + 1]! += result.hits[i]!));
      loss += result.loss * size;
      amongFive += result.amongFive;
    };
    inPhase('evaluation', 'lower train.batchSize, or free memory on this machine', () =>
      scoped(evaluateImages),
    );
    count += size;
    if ((await onBatch?.()) === false) return undefined;
  }
  const sums = await addUp([count, loss, amongFive, ...correct, ...answered.numbers]);
  const [images, losses, five, ...rest] = sums;
  const [hits, byClass] = [rest.slice(0, correct.length), rest.slice(correct.length)];
  if (images === 0) throw new UserError('there is no image to evaluate on: all of them are bad');
  const [accuracy, ...classifierAccuracies] = hits.map((sum) => sum / images!);
  const top5 = hasTop5(network.classes) ? { top5: five! / images! } : {};
  return {
    ...{ accuracy: accuracy!, ...top5, loss: losses! / images!, classifierAccuracies },
    byClass: byClassOf(network.classes, byClass),
  };
}

/** What of a batch is read, in one go: on a GPU each read waits for all the work before it; and its logits, where they are wanted. */
function evaluateBatch(
  network: Network,
  classifiers: readonly Classifier[],
  { images, labels }: Batch,
  wantsLogits: boolean,
): tf.Tensor[] {
  const { features, hits: ofClassifiers } = classifyFeatures(classifiers, labels, (visit) =>
    visitUnits(network, images, evaluationMode, visit),
  );
  const logits = network.head.forward(features, evaluationMode) as tf.Tensor2D;
  features.dispose();
  const top5 = hasTop5(network.classes) ? [hitsAmongFive(logits, labels)] : [];
  const numbers = [crossEntropy(logits, labels), ...ofClassifiers, ...top5];
  const answers = tf.argMax(logits, 1).toFloat() as tf.Tensor1D;
  const all = tf.concat([answers, ...numbers.map((each) => each.toFloat().reshape([1]) as tf.Tensor1D)]);
  return wantsLogits ? [all, logits] : [all];
}

/** What the network takes a batch's images for, the loss, how many each classifier gets right, and how many nearly. */
function read(
  found: tf.Tensor1D,
  size: number,
  classifiers: number,
): {
  readonly answers: readonly number[];
  readonly hits: readonly number[];
  readonly amongFive: number;
  readonly loss: number;
} {
  const values = [...found.dataSync()];
  const [loss, ...counts] = values.slice(size);
  return {
    answers: values.slice(0, size),
    ...{ loss: loss!, hits: counts.slice(0, classifiers), amongFive: counts[classifiers] ?? 0 },
  };
}

/** Gives each image's logits to tallies. */
function addTo(tallies: readonly MetricTally[], logits: tf.Tensor2D, labels: Uint16Array): void {
  const [images, classes] = logits.shape;
  const values = logits.dataSync() as Float32Array;
  for (let i = 0; i < images; i++) {
    // A copy each: it may do with it what it likes.
    for (const tally of tallies) tally.add(values.slice(i * classes, (i + 1) * classes), labels[i]!);
  }
}

/** How many labels, one-hot, are among the five greatest logits; of equal ones the lower class is first, as in argmax. */
export function hitsAmongFive(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const own = tf.max(tf.where(tf.greater(labels, 0), logits, -Infinity), 1, true);
    const lower = tf.less(tf.range(0, labels.shape[1]), tf.expandDims(tf.argMax(labels, 1).toFloat(), 1));
    const before = tf.logicalOr(tf.greater(logits, own), tf.logicalAnd(tf.equal(logits, own), lower));
    return tf.sum(tf.less(tf.sum(before.toFloat(), 1), 5));
  });
}

/**
 * Runs units, and classifiers on their features.
 *
 * @param run runs the units, and shows what it is given the features after each
 * @returns the last features, and how many images each classifier gets right, in their order
 */
export function classifyFeatures(
  classifiers: readonly Classifier[],
  labels: tf.Tensor2D,
  run: (visit: VisitUnit) => tf.Tensor4D,
): { readonly features: tf.Tensor4D; readonly hits: readonly tf.Scalar[] } {
  const hits: tf.Scalar[] = [];
  const features = run((x, unit) => {
    classifiers.forEach((classifier, i) => {
      if (classifier.after === unit.name) hits[i] = tf.tidy(() => hitsOf(classifier.logits(x), labels));
    });
  });
  return { features, hits };
}

/** How many images get the class that the labels say. */
export function hitsOf(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => tf.sum(tf.equal(tf.argMax(logits, 1), tf.argMax(labels, 1))));
}
