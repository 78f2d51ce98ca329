import tf = require('@tensorflow/tfjs');
import type { Part } from '../../distributed/blocks/part.js';
import { detach } from '../../engine/detached.js';
import { evaluationMode } from '../../engine/fused/ops.js';
import { suppliedEvaluation } from '../../local/axes/context/inputs.js';
import { crossEntropy } from '../../local/axes/loss/cross-entropy.js';
import type { Batch } from '../../local/batch.js';
import type { Classifier } from '../../local/classifier.js';
import type { Streams } from '../../local/update.js';
import { readsImage, type Unit } from '../../networks/network.js';
import { tallyByClass, type ByClassTally } from '../by-class.js';
import { classifyFeatures, hitsAmongFive } from '../evaluate.js';

/** What the evaluation of a rank's part adds up to. */
export interface PartEvaluation {
  /** Images that each update's net gets right, in the order of the updates; NaN for those that classify nothing. */
  readonly hits: number[];
  /** Sum over the images of the head's loss; 0 where there is no head. */
  loss: number;
  /** Images whose class is among the five likeliest; 0 where there is no head. */
  amongFive: number;
  /** What the head takes each image for; undefined where there is none. */
  readonly answered: ByClassTally | undefined;
  images: number;
}

export function newPartEvaluation({ strategy }: Part, head: string | undefined): PartEvaluation {
  const { updates, network } = strategy;
  const classifies = updates.map(({ name, classifier }) => name === head || classifier !== undefined);
  return {
    hits: classifies.map((each) => (each ? 0 : NaN)),
    ...{ loss: 0, amongFive: 0, images: 0 },
    answered: head === undefined ? undefined : tallyByClass(network.classes),
  };
}

/**
 * Runs a rank's units on a batch in evaluation mode and adds up what comes of it.
 *
 * @param later the units of the ranks above
 * @param head the name of the update with the network's head, where this rank has it
 * @param given what the rank before handed on; freed
 * @returns streams for the next rank, the caller's; none where this rank has the head
 */
export function evaluatePart(
  { strategy: { network, updates } }: Part,
  later: readonly Unit[],
  head: string | undefined,
  given: Streams,
  batch: Batch,
  sums: PartEvaluation,
): Streams {
  const { labels, size } = batch;
  const classifying = updates.flatMap(({ name, classifier }, i) =>
    classifier === undefined || name === head ? [] : [{ i, classifier }],
  );
  const classifiers: Classifier[] = classifying.map(({ classifier }) => classifier);
  let inputs: Streams = {};
  const { features, hits } = classifyFeatures(classifiers, labels, (visit) => {
    const images = network.units.some(readsImage) ? batch.images : undefined;
    const pass = suppliedEvaluation(network.units, later, given, images, visit);
    inputs = pass.inputs;
    return pass.output;
  });
  const passed = new Set(Object.values(inputs));
  for (const stream of Object.values(given)) if (!passed.has(stream)) stream.dispose();
  if (head !== undefined) {
    const logits = network.head.forward(features, evaluationMode) as tf.Tensor2D;
    const [answers, truth] = [logits, labels].map((each) => tf.argMax(each, 1).dataSync());
    const own = updates.findIndex(({ name }) => name === head);
    answers!.forEach((answer, i) => {
      sums.answered!.add(truth![i]!, answer);
      if (answer === truth![i]) sums.hits[own]!++;
    });
    sums.amongFive += tf.tidy(() => hitsAmongFive(logits, labels)).dataSync()[0]!;
    sums.loss += crossEntropy(logits, labels).dataSync()[0]! * size;
  }
  if (hits.length > 0)
    tf.stack([...hits])
      .dataSync()
      .forEach((count, n) => (sums.hits[classifying[n]!.i]! += count));
  sums.images += size;
  return head === undefined ? { x: detach(features), ...inputs } : {};
}
