import { setImmediate } from 'node:timers/promises';
import type { BadImage, Dataset, ImageBatch } from '../data/dataset.js';
import { openLoader, type Loader } from '../data/loader.js';
import type { Engine } from '../engine/engine.js';
import { scoped } from '../engine/scoped.js';
import { UserError, messageOf } from '../errors.js';
import { createBatch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import { evaluateUpdates } from './evaluate-updates.js';
import type { EpochMetrics, TrainEvent, TrainResult } from './events.js';
import { feed, type FeedTally } from './feed.js';
import { drawMixing } from './mixup.js';
import { trainOptionsSchema, type TrainSection, type TrainSectionInput } from './options.js';
import { headIndex } from './head-update.js';
import { learningRateAt } from './schedule.js';
import { sgd, type Optimizer } from './sgd.js';
import { planSteps, trainStep, type StepPlan, type StepResult } from './step.js';

/** The run that a training section belongs to. */
export interface TrainContext {
  /** Of the images' order and augmentation; the network and the strategy have their own. */
  readonly seed: number;
  readonly engine: Engine;
  /** Ends the run after the step at hand; epochs that are finished are kept. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: TrainEvent) => void) | undefined;
}

export type TrainOptions = TrainSectionInput & TrainContext;

/** Batches kept ready by the workers. */
const prefetch = 4;

/**
 * Trains a strategy's network and evaluates it after each epoch. Order and augmentation of the images depend on the
 * seed and the epoch alone. Images that do not fill the last batch of an epoch are left out of it.
 *
 * Throws a ZodError for invalid options, and a UserError if a batch is larger than the data set, an image file cannot
 * be decoded and is not to be skipped, or a loss stops being a number (it names the update, the epoch and the step).
 */
export async function train(
  strategy: Strategy,
  dataset: Dataset,
  { seed, engine, signal, onEvent, ...section }: TrainOptions,
): Promise<TrainResult> {
  const options = { ...trainOptionsSchema.parse(section), seed, engine, signal, onEvent };
  const { batchSize, workers } = options;
  const training = openLoader(dataset, dataset.train, {
    batchSize,
    seed,
    shuffle: true,
    augment: options.augment,
    dropLast: true,
    workers,
    prefetch,
  });
  const testing = openLoader(dataset, dataset.test, {
    batchSize,
    seed,
    shuffle: false,
    augment: false,
    dropLast: false,
    // What is in memory needs no work but a copy.
    workers: dataset.test.kind === 'files' ? workers : 0,
    prefetch: 1,
  });
  const optimizer = sgd(options);
  const run: Run = {
    strategy,
    dataset,
    options,
    training,
    testing,
    optimizer,
    plan: planSteps(strategy.updates),
    reported: { train: new Set(), test: new Set() },
  };
  const epochs: EpochMetrics[] = [];
  try {
    for (let epoch = 1; epoch <= options.epochs; epoch++) {
      const metrics = await runEpoch(run, epoch);
      if (metrics === undefined) return { epochs, interrupted: true };
      epochs.push(metrics);
      options.onEvent?.({ type: 'epoch-end', metrics });
    }
    return { epochs, interrupted: false };
  } finally {
    optimizer.dispose();
    await Promise.all([training.close(), testing.close()]);
  }
}

interface Run {
  readonly strategy: Strategy;
  readonly dataset: Dataset;
  readonly options: TrainSection & TrainContext;
  readonly training: Loader;
  readonly testing: Loader;
  readonly optimizer: Optimizer;
  readonly plan: StepPlan;
  /** Bad images, by their index, that an event has told of. */
  readonly reported: Readonly<Record<'train' | 'test', Set<number>>>;
}

/** undefined if the signal came first. */
async function runEpoch(run: Run, epoch: number): Promise<EpochMetrics | undefined> {
  const { strategy, dataset, options, training, testing } = run;
  const { updates } = strategy;
  const { onEvent, signal, engine } = options;
  const learningRate = learningRateAt(epoch, 0, options);
  onEvent?.({ type: 'epoch-start', epoch, epochs: options.epochs, steps: training.steps, learningRate });

  const lossSums = updates.map(() => 0);
  const peakBytes = updates.map(() => 0);
  let reserved = 0;
  let step = 0;
  let trained = 0;
  const tally: FeedTally = { waitSeconds: 0, skipped: 0 };
  const trainStart = performance.now();
  for await (const batch of feed(training.batches(epoch), tally, reporter(run, epoch, 'train'))) {
    step++;
    trained += batch.size;
    const result = stepOn(run, epoch, step, batch);
    result.losses.forEach((loss, i) => (lossSums[i]! += loss));
    result.peakBytes.forEach((bytes, i) => (peakBytes[i] = Math.max(peakBytes[i]!, bytes)));
    reserved = Math.max(reserved, engine.memory.reserved());
    const loss = result.losses[headIndex(strategy)]!;
    onEvent?.({ type: 'step', epoch, step, steps: training.steps, images: batch.size, loss });
    // The step is synchronous: without a turn of the event loop no signal and no screen update gets through.
    await setImmediate();
    if (signal?.aborted) return undefined;
  }
  if (step === 0) throw new UserError(`epoch ${epoch}: there is no image to train on: all of them are bad`);
  const trainSeconds = (performance.now() - trainStart) / 1000;
  const dataWaitSeconds = tally.waitSeconds;

  const evaluationStart = performance.now();
  let evaluated = 0;
  const testBatches = feed(testing.batches(epoch), tally, reporter(run, epoch, 'test'));
  const afterBatch = async (): Promise<boolean> => {
    onEvent?.({ type: 'evaluation', epoch, step: ++evaluated, steps: testing.steps });
    await setImmediate();
    return !signal?.aborted;
  };
  const evaluation = await evaluateUpdates(strategy, dataset, testBatches, afterBatch);
  if (evaluation === undefined) return undefined;
  const byName = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(updates.map((update, i) => [update.name, values[i]!]));
  const meanLosses = lossSums.map((sum) => sum / step);
  return {
    epoch,
    learningRate,
    trainLoss: meanLosses[headIndex(strategy)]!,
    testLoss: evaluation.loss,
    testAccuracy: evaluation.accuracy,
    imagesPerSecond: trained / trainSeconds,
    trainSeconds,
    evaluationSeconds: (performance.now() - evaluationStart) / 1000,
    dataWaitSeconds,
    skippedImages: tally.skipped,
    peakMemoryBytes: Math.max(...peakBytes),
    reservedMemoryBytes: reserved,
    updateLosses: byName(meanLosses),
    updatePeakBytes: byName(peakBytes),
    updateAccuracies: evaluation.updateAccuracies,
  };
}

function stepOn(run: Run, epoch: number, step: number, { size, images, labels }: ImageBatch): StepResult {
  const { strategy, dataset, options, optimizer, plan, training } = run;
  const { mixup, seed } = options;
  const rate = learningRateAt(epoch, (step - 1) / training.steps, options);
  const mixing = mixup > 0 ? drawMixing(mixup, seed, epoch, step, size) : undefined;
  try {
    return scoped(() => {
      const batch = createBatch(
        images,
        labels,
        dataset.imageShape,
        strategy.network.classes,
        dataset,
        mixing,
      );
      return trainStep(strategy, plan, optimizer, rate, batch, options.engine.memory);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`epoch ${epoch}, step ${step}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reports each bad image once in a run: they are the same in every epoch. */
function reporter({ reported, options: { onEvent } }: Run, epoch: number, split: 'train' | 'test') {
  return (bad: readonly BadImage[]): void => {
    const images = bad.filter(({ index }) => !reported[split].has(index));
    for (const { index } of images) reported[split].add(index);
    if (images.length > 0) onEvent?.({ type: 'skipped', epoch, split, images });
  };
}
