import { setImmediate } from 'node:timers/promises';
import type { Dataset, Split } from '../data/dataset.js';
import { plainBatches } from '../data/loader/plain-batches.js';
import type { Engine } from '../engine/engine.js';
import { selectEngine } from '../engine/select.js';
import { networkUseOf } from '../runs/network-use.js';
import { withTrainedNetwork, type TrainedRun } from '../runs/trained-network.js';
import { capturesSteps } from '../runs/training-settings.js';
import { capturedEvaluation } from '../train/captured-evaluation.js';
import { totalsOf } from '../train/metric.js';
import { tallyConfusion, type Confusion } from './confusion.js';
import { logitsOf } from './logits.js';
import { openOtherData } from './other-data.js';
import { withBorder } from './predict-files.js';
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
  /** Of the metrics of the run's plugins, by their names, where there are any. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Where the weights are averages. */
  readonly weights?: 'averaged';
  /** Where they are those of the best epoch: that epoch. */
  readonly bestEpoch?: number;
  /** Where the images are not the run's own: whose they are. */
  readonly data?: string;
}

export interface EvaluateOptions extends RunDataOptions {
  /** The images that training evaluated on, or those it learned from (not augmented). */
  readonly on: 'test' | 'train';
  /** Other data to evaluate on, as a config's `data` section has it. */
  readonly data?: string | undefined;
  /** Ends the work by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ProbeProgress) => void) | undefined;
}

/**
 * Evaluates a run's network on its own data or other, in evaluation mode: accuracy, loss, which classes it takes for
 * which, and the metrics that the run's plugins add.
 *
 * @throws UserError if a metric gives no finite number, the data is not there, not the run's or, where it is other data, of other classes, or the
 * network's logits are not finite
 */
export async function evaluateRun(run: TrainedRun, options: EvaluateOptions): Promise<RunEvaluation> {
  const { engine, dataset, split, border, imageShape, ...what } = await imagesOf(run, options);
  return withTrainedNetwork(run, { classes: dataset.classes, imageShape }, async (network) => {
    const { config, summary, registry } = run;
    const { workers, batchSize } = config.train;
    const { signal, onProgress } = options;
    const captured = capturesSteps(run) ? capturedEvaluation(engine) : undefined;
    const tally = tallyConfusion(network.classes);
    const metrics = registry.metrics.map((metric) => metric.start(network.classes));
    let [done, skipped] = [0, 0];
    for await (const batch of plainBatches(dataset, split, { workers, signal, batchSize })) {
      onProgress?.({ label: 'evaluating', unit: 'images', done, total: split.size });
      const images = withBorder(batch.images, dataset.imageShape, border);
      const logits = logitsOf(network, images, imageShape, dataset, captured);
      logits.forEach((each, image) => {
        const label = batch.labels[image]!;
        tally.add(label, each);
        for (const metric of metrics) metric.add(each.slice(), label);
      });
      done += batch.size + batch.skipped.length;
      skipped += batch.skipped.length;
      await setImmediate();
    }
    const averaged = run.weights.metadata['weights'] === 'averaged';
    return {
      label: summary.label,
      ...what,
      classes: dataset.classes,
      skippedImages: skipped,
      ...(averaged ? { weights: 'averaged' as const } : {}),
      ...(run.bestEpoch === undefined ? {} : { bestEpoch: run.bestEpoch }),
      ...tally.total(),
      ...(metrics.length > 0 && { metrics: totalsOf(registry.metrics, metrics) }),
    };
  });
}

/** What a network is asked about. */
interface Images extends Pick<RunEvaluation, 'evaluatedOn' | 'data'> {
  readonly engine: Engine;
  readonly dataset: Dataset;
  readonly split: Split;
  /** Zero pixels to put around each image. */
  readonly border: number;
  /** As the network gets them. */
  readonly imageShape: Dataset['imageShape'];
}

async function imagesOf(run: TrainedRun, options: EvaluateOptions): Promise<Images> {
  const { on, data, engine, onNotice, onScan } = options;
  if (data === undefined) {
    const { engine: own, dataset } = await openRunData([run], options);
    const evaluatedOn = on === 'train' ? on : (dataset.evaluatedOn ?? 'test');
    return {
      engine: own,
      dataset,
      split: dataset[on],
      border: 0,
      imageShape: dataset.imageShape,
      evaluatedOn,
    };
  }
  const use = networkUseOf(run.weights.metadata, run.weightsPath);
  const { engine: selected, notice } = await selectEngine(engine);
  if (notice !== undefined) onNotice?.(notice);
  const { name, absent, ...other } = await openOtherData(data, use, on, run.registry.datasets, onScan);
  if (absent.length > 0) onNotice?.(`${name} has no images of ${absent.join(', ')}`);
  for (const note of other.dataset.notes ?? []) onNotice?.(note);
  return { engine: selected, ...other, imageShape: use.imageShape, data: name, evaluatedOn: on };
}
