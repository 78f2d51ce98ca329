import { setImmediate } from 'node:timers/promises';
import type { Dataset, ImageBatch } from '../data/dataset.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { scoped } from '../engine/scoped.js';
import { UserError } from '../core/errors.js';
import { validGiven } from '../core/given.js';
import { createBatch, type Batch } from '../local/batch.js';
import { checkedUpdates } from '../local/checked-updates.js';
import { inPrecision, withUpdates, type Strategy } from '../local/strategy.js';
import type { ByClass } from './by-class.js';
import { capturedEvaluation } from './captured-evaluation.js';
import { capturedSteps } from './captured-steps.js';
import { checkLearningRate, checkRateFactors } from './check-learning-rate.js';
import { checkMadeOptimizer, checkTraining } from './check-training.js';
import { splitMade, type RunSettings, type TrainOptions } from './context.js';
import { dataParallel } from './data-parallel.js';
import { epochMetrics } from './epoch-metrics.js';
import { hasStalled } from './early-stopping.js';
import { evaluateUpdates } from './evaluate-updates.js';
import type { EpochMetrics, TrainResult } from './events.js';
import { feed, type FeedTally } from './feed.js';
import { checkBatches, openTestLoader, openTrainLoader, ownPart } from './loaders.js';
import { refuseMetricsOnRanks, startTallies, totalsOf } from './metric.js';
import { drawMixing } from './mixup.js';
import { addOver, alone, checkShares, mostOver, refuseHeldParts } from './over-ranks.js';
import { builtInOptimizers, optimizerOf, trainSchema } from './optimizers.js';
import { handState, handStateAfter } from './hand-state.js';
import { headIndex } from './head-update.js';
import { learningRateAt } from './schedule.js';
import { skippedReporter } from './report-skipped.js';
import { restoreState } from './state.js';
import { isStopped, lossesBefore, settle, tellRanks, tellUncaptured, type Run } from './run-at-hand.js';
import { stepError } from './step-error.js';
import { stepTeller } from './step-teller.js';
import { planSteps, trainStep, type StepResult } from './step.js';
import { checkTally, newTally, tallyOver, withoutSums, type EpochTally } from './tally.js';
import { averageWeights, type WeightAverage } from './weight-average.js';

const smallerBatch = 'lower train.batchSize';

/**
 * Trains a strategy's network and evaluates it after each epoch. Order and augmentation of the images depend on the
 * seed and the epoch alone. An image that is alone in its batch, the last of an epoch or, with `onBadImage: skip`, one
 * of bad images, is left out of it: it counts as skipped.
 *
 * @param bare the strategy of the network to train
 * @param dataset whose images the network can take
 * @param asked a config's `train` section, and the run that it belongs to
 * @throws UserError for invalid options
 * @throws UserError if the learning rate is 0 throughout, a batch is larger than the data set, an image file cannot be
 * decoded and is not to be skipped, or the state to go on from is another strategy's
 * @throws UserError where an update is not what `LocalUpdate` asks for, in its first step at the latest
 * @throws Diverged if a loss stops being a number; it names the update, the epoch and the step
 */
export async function train(bare: Strategy, dataset: Dataset, asked: TrainOptions): Promise<TrainResult> {
  checkTraining(bare, dataset, asked);
  const { seed, engine, optimizers, schedules, metrics, signal, ranks, onEvent, resume, onState, ...given } =
    asked;
  const kinds = optimizers ?? builtInOptimizers;
  const { section, made } = splitMade(given);
  if (made.optimizer !== undefined) checkMadeOptimizer(made.optimizer);
  const settings = validGiven('train', 'options', trainSchema(kinds, schedules), section);
  const context = { seed, engine, schedules, metrics, signal, ranks, onEvent, resume, onState };
  const options: RunSettings = { ...settings, ...context, ...(made.schedule && { schedule: made.schedule }) };
  checkLearningRate(options);
  const strategy = inPrecision(
    withUpdates(bare, checkedUpdates(bare.updates)),
    settings.precision ?? 'float32',
  );
  const plan = planSteps(strategy.updates, settings);
  checkRateFactors(strategy.updates, settings);
  const { ema } = options;
  checkBatches(dataset, options);
  if (ranks !== undefined) checkShares(settings, dataset, ranks.size);
  if (ranks !== undefined) refuseHeldParts(strategy, settings);
  const share = ranks === undefined ? undefined : { index: ranks.rank, of: ranks.size };
  const training = openTrainLoader(dataset, { ...options, share });
  const testing = openTestLoader(dataset, { ...options, share });
  if (ranks !== undefined) refuseMetricsOnRanks(metrics);
  const optimizer = made.optimizer ?? optimizerOf(settings, kinds);
  let average: WeightAverage | undefined;
  try {
    average = ema && averageWeights(strategy, ema.decay);
    const captures = options.captureSteps === true;
    const captured = captures ? capturedSteps(engine, strategy) : undefined;
    const run: Run = {
      strategy,
      dataset,
      options,
      training,
      testing,
      optimizer,
      average,
      plan,
      captured,
      evaluated: captures ? capturedEvaluation(engine) : undefined,
      share,
      parallel: ranks && dataParallel(ranks, strategy, plan, optimizer, settings.syncBatchNorm, captured),
      addUp: ranks === undefined ? alone : addOver(ranks),
      most: ranks === undefined ? alone : mostOver(ranks),
      report: skippedReporter({ train: new Set(), test: new Set() }, dataset, onEvent),
      epochs: [...(resume?.epochs ?? [])],
      stopped: false,
      toldUncaptured: new Set(),
      lastLosses: undefined,
    };
    const { epochs } = run;
    if (resume !== undefined) restoreState(strategy, optimizer, resume, average);
    let tally = structuredClone(resume?.partial);
    if (tally !== undefined)
      checkTally(tally, { epochs: epochs.length, steps: training.steps, updates: strategy.updates.length });
    if (tally !== undefined && ranks !== undefined && ranks.rank > 0) tally = withoutSums(tally);
    while (epochs.length < options.epochs && !hasStalled(epochs, options.earlyStopping)) {
      if (isStopped(run)) return { epochs, interrupted: true };
      const done = await runEpoch(run, tally ?? newTally(epochs.length + 1, strategy.updates.length));
      if (done === undefined) return { epochs, interrupted: true };
      epochs.push(done.metrics);
      tally = undefined;
      handState(run);
      options.onEvent?.({ type: 'epoch-end', ...done, evaluatedOn: dataset.evaluatedOn ?? 'test' });
    }
    if (epochs.length < options.epochs) options.onEvent?.({ type: 'stalled', epoch: epochs.length });
    return { epochs, interrupted: false };
  } finally {
    // What was evaluated is what is left; what it was averaged of is in the last state.
    average?.swap();
    average?.dispose();
    optimizer.dispose();
    await Promise.all([training.close(), testing.close()]);
  }
}

/** The rest of an epoch, added to its tally; undefined if the signal came first. */
async function runEpoch(
  run: Run,
  tally: EpochTally,
): Promise<{ readonly metrics: EpochMetrics; readonly byClass: ByClass } | undefined> {
  const { strategy, dataset, options, testing, average, parallel, addUp } = run;
  const { onEvent, signal } = options;
  const { epoch } = tally;
  const { steps, leftOut } = run.training;
  const learningRate = learningRateAt({ epoch, step: 0, steps }, options);
  onEvent?.({ type: 'epoch-start', epoch, epochs: options.epochs, steps, learningRate });
  if (!(await runSteps(run, tally))) return undefined;
  if (tally.steps === 0) {
    throw new UserError(
      `epoch ${epoch}: there is no image to train on: all of them are bad, or alone in their batch`,
    );
  }

  const evaluationStart = performance.now();
  const tested: FeedTally = { batches: 0, waitSeconds: 0, skipped: 0 };
  const testBatches = feed(testing.batches(epoch), tested, run.report(epoch, 'test'));
  const afterBatch = async (): Promise<boolean> => {
    onEvent?.({ type: 'evaluation', epoch, step: tested.batches, steps: testing.steps });
    await setImmediate();
    if (parallel === undefined) return !signal?.aborted;
    // Of the last batch a rank's share may have no image: it would not be asked.
    return tested.batches === testing.steps || !(await parallel.agreeToStop(signal?.aborted === true));
  };
  average?.swap();
  const { metrics = [] } = options;
  const tallies = startTallies(metrics, strategy.network.classes);
  const evaluation = await evaluateUpdates(strategy, dataset, testBatches, {
    ...{ onBatch: afterBatch, addUp, tallies, captured: run.evaluated },
  })
    .catch((error: unknown) => {
      throw outOfMemoryIn(`epoch ${epoch}, evaluation`, smallerBatch, error);
    })
    .finally(() => average?.swap());
  tellUncaptured(run);
  await parallel?.counted();
  if (evaluation === undefined) {
    // What was evaluated is done again: the epoch's training is what takes long.
    handState(run, await tallyOver(tally, addUp));
    return undefined;
  }
  const total = await tallyOver({ ...tally, skipped: tally.skipped + tested.skipped }, addUp);
  const [reserved, wantsStop, ...peakBytes] = await run.most([
    tally.reservedBytes,
    signal?.aborted === true ? 1 : 0,
    ...tally.peakBytes,
  ]);
  run.stopped ||= wantsStop === 1;
  const rest = {
    learningRate,
    evaluation,
    ...(metrics.length > 0 && { metrics: totalsOf(metrics, tallies) }),
    evaluationSeconds: (performance.now() - evaluationStart) / 1000,
    skippedImages: options.lastBatch === 'keep' ? leftOut : 0,
  };
  return {
    metrics: epochMetrics(strategy, { ...total, peakBytes, reservedBytes: reserved! }, rest),
    byClass: evaluation.byClass,
  };
}

/** The epoch's training steps that are left; false if the signal came first. */
async function runSteps(run: Run, tally: EpochTally): Promise<boolean> {
  const { strategy, options, training } = run;
  const { onEvent, engine } = options;
  const { epoch } = tally;
  const { steps } = training;
  const start = performance.now() - 1000 * tally.seconds;
  run.captured?.renew();
  const tell = stepTeller(run, epoch);
  // Whether the weights are those of the tally: between two steps they are.
  let whole = true;
  try {
    for await (const batch of feed(
      training.batches(epoch, tally.batches),
      tally,
      run.report(epoch, 'train'),
    )) {
      whole = false;
      const { losses, peakBytes, size } = await stepOn(run, epoch, tally.steps + 1, batch);
      run.lastLosses = losses;
      tally.steps++;
      tally.images += size;
      losses.forEach((loss, i) => (tally.imageLosses[i]! += size * loss));
      peakBytes.forEach((bytes, i) => (tally.peakBytes[i] = Math.max(tally.peakBytes[i]!, bytes)));
      tally.reservedBytes = Math.max(tally.reservedBytes, engine.memory.reserved());
      tally.seconds = (performance.now() - start) / 1000;
      // What ranks have put off is known to all of them alone.
      whole = run.parallel === undefined;
      const loss = losses[headIndex(strategy)]!;
      onEvent?.({ type: 'step', epoch, step: tally.steps, steps, images: size, loss });
      tell(tally.steps, size, losses);
      // The step is synchronous: without a turn of the event loop no signal and no screen update gets through.
      await setImmediate();
      if (isStopped(run)) break;
    }
  } catch (error) {
    if (whole && tally.steps > 0) handStateAfter(error, run, tally);
    throw error;
  }
  tellUncaptured(run);
  await settle(run);
  await tellRanks(run);
  if (!isStopped(run)) return true;
  handState(run, await tallyOver(tally, run.addUp));
  return false;
}

async function stepOn(
  run: Run,
  epoch: number,
  step: number,
  { size: read, images, labels }: ImageBatch,
): Promise<StepResult & { /** Images that were trained on here. */ readonly size: number }> {
  const { strategy, dataset, options, optimizer, average, plan, captured, training, parallel, share } = run;
  const { mixup, seed, labelSmoothing } = options;
  const rate = learningRateAt({ epoch, step: step - 1, steps: training.steps }, options);
  const mixing = mixup > 0 ? drawMixing(mixup, seed, epoch, step, read) : undefined;
  const { first, size } = ownPart(read, { share, mixup });
  try {
    const makeBatch = (): Batch => {
      const { imageShape } = dataset;
      const { classes } = strategy.network;
      const batch = createBatch(images, labels, imageShape, classes, dataset, mixing, labelSmoothing);
      return size === read ? batch : batch.part(first, first + size);
    };
    const { memory } = options.engine;
    const microBatch = options.batchSize / (options.accumulate ?? 1);
    if (parallel === undefined) {
      return scoped(() => {
        const result = trainStep(
          ...([strategy, plan, optimizer, rate, makeBatch(), memory, microBatch] as const),
          captured,
        );
        average?.update();
        return { ...result, size };
      });
    }
    const whole = Math.min(options.batchSize, dataset.train.size - (step - 1) * options.batchSize);
    const wantsStop = options.signal?.aborted === true;
    const result = await parallel.step(makeBatch, size / whole, rate, wantsStop, memory, microBatch);
    if (average !== undefined) {
      // They follow the weights after every step.
      await parallel.settle();
      average.update();
    }
    return { ...result, size };
  } catch (thrown) {
    throw stepError(thrown, `epoch ${epoch}, step ${step}`, lossesBefore(run), run.dataset);
  }
}
