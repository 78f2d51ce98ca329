import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import { plainBatches } from '../data/loader/plain-batches.js';
import { withTrainedNetwork, type TrainedRun } from '../runs/trained-network.js';
import { tallyConfusion, type Confusion } from './confusion.js';
import { logitsOf } from './logits.js';
import type { ProbeProgress } from './probe-units.js';
import { openRunData, type RunDataOptions } from './run-data.js';

/** What a run's network is worth, class by class. */
export interface RunEvaluation extends Confusion {
  readonly label: string;
  /** Which split: training may have held out a validation set in place of the test set. */
  readonly evaluatedOn: 'train' | 'test' | 'validation';
  readonly classes: readonly string[];
  /** Images that could not be decoded. */
  readonly skippedImages: number;
  /** Where the weights are averages. */
  readonly weights?: 'averaged';
}

export interface EvaluateOptions extends RunDataOptions {
  /** The images that training evaluated on, or those it learned from (not augmented). */
  readonly on: 'test' | 'train';
  /** Ends the work by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ProbeProgress) => void) | undefined;
}

/**
 * Evaluates a run's network on its own data, in evaluation mode: accuracy, loss, and which classes it takes for which.
 *
 * @throws UserError if the data is not there or not the run's, or the network's logits are not finite
 */
export async function evaluateRun(run: TrainedRun, options: EvaluateOptions): Promise<RunEvaluation> {
  const { dataset } = await openRunData([run], options);
  return withTrainedNetwork(run, dataset, async (network) => {
    const { config, summary } = run;
    const { workers, batchSize } = config.train;
    const { on, signal, onProgress } = options;
    const split = dataset[on];
    const tally = tallyConfusion(network.classes);
    let [done, skipped] = [0, 0];
    for await (const batch of plainBatches(dataset, split, { workers, signal, batchSize })) {
      onProgress?.({ label: 'evaluating', unit: 'images', done, total: split.size });
      const logits = logitsOf(network, batch.images, dataset.imageShape, dataset);
      logits.forEach((each, image) => tally.add(batch.labels[image]!, each));
      done += batch.size + batch.skipped.length;
      skipped += batch.skipped.length;
      await setImmediate();
    }
    const averaged = run.weights.metadata['weights'] === 'averaged';
    return {
      label: summary.label,
      evaluatedOn: evaluatedOn(on, dataset),
      classes: dataset.classes,
      skippedImages: skipped,
      ...(averaged ? { weights: 'averaged' as const } : {}),
      ...tally.total(),
    };
  });
}

function evaluatedOn(on: EvaluateOptions['on'], dataset: Dataset): RunEvaluation['evaluatedOn'] {
  return on === 'train' ? 'train' : (dataset.evaluatedOn ?? 'test');
}
