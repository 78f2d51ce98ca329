import type { Dataset, ImageBatch } from '../data/dataset.js';
import type { Strategy } from '../local/strategy.js';
import { evaluate, type EvaluateOptions, type Evaluation } from './evaluate.js';
import { headIndex } from './head-update.js';

/** As `evaluate`, with the accuracy of each update that classifies, by its name; the head's is the network's own. */
export async function evaluateUpdates(
  strategy: Strategy,
  dataset: Dataset,
  batches: AsyncIterable<ImageBatch>,
  options: Omit<EvaluateOptions, 'classifiers'> = {},
): Promise<(Evaluation & { readonly updateAccuracies: Readonly<Record<string, number>> }) | undefined> {
  const { network, updates } = strategy;
  const head = headIndex(strategy);
  const classifying = updates.flatMap(({ name, classifier }, i) =>
    classifier === undefined || i === head ? [] : [{ name, classifier }],
  );
  const classifiers = classifying.map(({ classifier }) => classifier);
  const evaluation = await evaluate(network, dataset, batches, { ...options, classifiers });
  if (evaluation === undefined) return undefined;
  const accuracies = new Map(classifying.map(({ name }, i) => [name, evaluation.classifierAccuracies[i]!]));
  accuracies.set(updates[head]!.name, evaluation.accuracy);
  const inOrder = updates.flatMap(({ name }) =>
    accuracies.has(name) ? [[name, accuracies.get(name)!] as const] : [],
  );
  return { ...evaluation, updateAccuracies: Object.fromEntries(inOrder) };
}
