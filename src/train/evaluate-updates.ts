import type { Dataset, ImageBatch } from '../data/dataset.js';
import type { Strategy } from '../local/strategy.js';
import { evaluate, type Evaluation } from './evaluate.js';
import { headIndex } from './head-update.js';
import type { MetricTally } from './metric.js';
import type { AddUp } from './over-ranks.js';

/** As `evaluate`, with the accuracy of each update that classifies, by its name; the head's is the network's own. */
export async function evaluateUpdates(
  strategy: Strategy,
  dataset: Dataset,
  batches: AsyncIterable<ImageBatch>,
  onBatch: () => Promise<boolean>,
  addUp?: AddUp,
  tallies?: readonly MetricTally[],
): Promise<(Evaluation & { readonly updateAccuracies: Readonly<Record<string, number>> }) | undefined> {
  const { network, updates } = strategy;
  const head = headIndex(strategy);
  const classifying = updates.flatMap(({ name, classifier }, i) =>
    classifier === undefined || i === head ? [] : [{ name, classifier }],
  );
  const classifiers = classifying.map(({ classifier }) => classifier);
  const evaluation = await evaluate(network, dataset, batches, onBatch, classifiers, addUp, tallies);
  if (evaluation === undefined) return undefined;
  const accuracies = new Map(classifying.map(({ name }, i) => [name, evaluation.classifierAccuracies[i]!]));
  accuracies.set(updates[head]!.name, evaluation.accuracy);
  const inOrder = updates.flatMap(({ name }) =>
    accuracies.has(name) ? [[name, accuracies.get(name)!] as const] : [],
  );
  return { ...evaluation, updateAccuracies: Object.fromEntries(inOrder) };
}
