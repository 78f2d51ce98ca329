import { join } from 'node:path';
import type { ProcessGroup } from '../distributed/process-group.js';
import { identityOf } from '../data/identity.js';
import { messageOf } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import type { Strategy } from '../local/strategy.js';
import { networkWeights } from '../networks/export.js';
import { configDocument } from '../config/config.js';
import type { RunEnd } from '../config/run-logger.js';
import type { EpochMetrics, TrainEvent } from '../train/events.js';
import type { ByClass } from '../train/by-class.js';
import { Diverged } from '../train/diverged.js';
import { hasTop5 } from '../train/evaluate.js';
import type { TrainState } from '../train/state.js';
import type { ConfiguredTraining } from '../train/context.js';
import { trainBlocks, type BlockRanks } from '../train/blocks/trainer.js';
import { giveState } from '../train/give-state.js';
import { train } from '../train/trainer.js';
import type { BlockGroup } from './block-ranks.js';
import { sharesOf, withRunStrategy } from './run-strategy.js';
import type { Experiment } from './experiment.js';
import { runConfigOf } from './run-config.js';
import { startState } from './start-state.js';
import { trainingSettings } from './training-settings.js';
import { experimentSchema, methodSchema, parentSchema } from './forms.js';
import { gatherBadFiles } from './bad-images.js';
import { classRecord } from './by-class.js';
import type { MethodConfig } from '../config/method-config.js';
import type { ChosenMethod } from '../measure/memory/choose-cuts.js';
import { thisMachine } from '../core/machine.js';
import { openLoggers, type OpenLoggers } from './loggers.js';
import type { MetricsColumns } from './metrics.js';
import type { RunObserver } from './observer.js';
import { prepareMethod } from './prepare-method.js';
import { ownLoggers } from './own-loggers.js';
import { useOf, weightsMetadata } from './network-use.js';
import { createRunFolder, type RunConfig, type RunFolder } from './folder.js';
import { readRunLog } from './run-log.js';
import { failureOf, howToGoOn, type FailedRun } from './outcome.js';
import { watchRanksCost, watchStepCost } from './step-cost.js';
import { averagedIn, identityOfRun } from './identity-of-run.js';
import { resultOf } from './summary.js';
import type { RunIdentity, RunResult, RunSummary } from './summary.js';
import { WriteFailure } from './write-failure.js';

/** Where and how a run is recorded. */
export interface RunOptions {
  /** The folder in which the run's own is made. */
  readonly parent: string;
  /** Ends the run after its current step. */
  readonly signal?: AbortSignal;
  /** Told how the run goes on. */
  readonly observer?: RunObserver;
  /** Ranks that share every batch, of which this one records the run. */
  readonly ranks?: ProcessGroup | undefined;
  /** Whether an event file for TensorBoard is written into the run's folder. */
  readonly tensorboard?: boolean;
  /** Ranks that hold the network's blocks, of which this is the first. */
  readonly blockRanks?: BlockGroup | undefined;
  /** Told of a failure that the run's folder records as its own, before it is thrown. */
  readonly onFailed?: (run: FailedRun) => void;
}

/** What became of a run that did not fail. */
export interface FinishedRun {
  readonly folder: string;
  readonly interrupted: boolean;
  /** Undefined if no epoch was finished. */
  readonly result: RunResult | undefined;
}

/**
 * Trains a fresh network with one method and records it in a folder of its own. An interrupted run keeps its finished
 * epochs and, as a checkpoint, the steps of the one at hand; its summary is on disk as soon as the signal came, so that
 * the process may also be ended at once. `resumeRun` goes on with the folder.
 *
 * @throws UserError if the method does not fit the network or the data, or the loss is no longer a number
 */
export async function runExperiment(
  experiment: Experiment,
  method: MethodConfig,
  options: RunOptions,
): Promise<FinishedRun> {
  const forms = { experiment: experimentSchema, method: methodSchema, options: parentSchema };
  checkGiven('runExperiment', forms, { experiment, method, options });
  return runPrepared(experiment, await prepareMethod(experiment, method, options), options);
}

/** As `runExperiment`, for a method that was prepared. */
export async function runPrepared(
  experiment: Experiment,
  chosen: ChosenMethod,
  options: RunOptions,
): Promise<FinishedRun> {
  return beginRun(experiment, chosen, options, (...run) => createRunFolder(options.parent, ...run));
}

/** As `runPrepared`, recorded in the folder that `open` makes. */
export async function beginRun(
  experiment: Experiment,
  chosen: ChosenMethod,
  options: Omit<RunOptions, 'parent'>,
  open: (config: RunConfig, columns: MetricsColumns) => RunFolder,
): Promise<FinishedRun> {
  // What an earlier run left cached would count as this one's.
  experiment.engine.memory.release();
  const { method, balanced, recompute } = chosen;
  return withRunStrategy(experiment, method, options, (strategy, label, placed) => {
    const columns = metricsColumns(strategy, experiment);
    const folder = open(runConfigOf(experiment, method), columns);
    if (balanced !== undefined) folder.log.info(balanced, 'balanced cuts');
    if (recompute !== undefined) folder.log.info(recompute, 'recomputed');
    if (placed !== undefined) folder.log.info({ placement: placed.placement }, 'blocks on ranks');
    return record(experiment, { folder, method, label, strategy, placed }, options);
  });
}

/** What the metrics of a run have columns for. */
export function metricsColumns(
  { updates }: Strategy,
  { dataset: { evaluatedOn = 'test', classes }, config, registry }: Experiment,
): MetricsColumns {
  return {
    ...{ updates: updates.map(({ name }) => name), evaluatedOn, averaged: config.train.ema !== undefined },
    ...{ top5: hasTop5(classes.length), metrics: registry.metrics.map(({ name }) => name) },
  };
}

/** A run that is about to train. */
export interface OpenRun {
  readonly folder: RunFolder;
  readonly method: MethodConfig;
  readonly label: string;
  readonly strategy: Strategy;
  /** Where its blocks are, if not all here. */
  readonly placed?: BlockRanks | undefined;
  /** Where it goes on. */
  readonly resume?: TrainState | undefined;
}

/** Trains the strategy, recording it in the run's folder, and closes that. */
export async function record(
  experiment: Experiment,
  open: OpenRun,
  options: Omit<RunOptions, 'parent'>,
): Promise<FinishedRun> {
  const { observer } = options;
  const { config, dataset } = experiment;
  const { folder, label } = open;
  const run = identityOfRun(experiment, open);
  for (const note of [run.blocksNote, ...(run.weightNotes ?? [])])
    if (note !== undefined) observer?.note(`${label}: ${note}`, 'always');
  observer?.start({
    label,
    seed: config.seed,
    epochs: config.train.epochs,
    evaluationSteps: Math.ceil(dataset.test.size / config.train.batchSize),
    evaluatedOn: dataset.evaluatedOn ?? 'test',
  });
  try {
    if (open.resume === undefined) folder.writeData(identityOf(dataset));
    return await trainInto(experiment, open, run, options);
  } finally {
    observer?.end();
    folder.close();
  }
}

async function trainInto(
  experiment: Experiment,
  { folder, method, strategy, placed, resume }: OpenRun,
  run: RunIdentity,
  { signal, observer, ranks, blockRanks, tensorboard, onFailed }: Omit<RunOptions, 'parent'>,
): Promise<FinishedRun> {
  const { config, registry, engine, notice, dataset } = experiment;
  const epochs: EpochMetrics[] = [...(resume?.epochs ?? [])];
  let loggers: OpenLoggers | undefined;
  let end: RunEnd = { status: 'failed' };
  const earlier = readRunLog(join(folder.path, 'log.jsonl'));
  const badFiles = gatherBadFiles(earlier.badFiles);
  let { cost } = earlier;
  let byClass: ByClass | undefined;
  const alone = placed === undefined && ranks === undefined;
  const costs = alone ? watchStepCost(strategy, config.train.batchSize, cost) : watchRanksCost(cost);
  let together: Pick<RunSummary, 'ranks'> = {};
  const result = (): RunResult | undefined => {
    const found = resultOf(run, epochs, badFiles.all(), cost);
    return found && { ...found, ...together };
  };
  type How = Pick<RunSummary, 'status' | 'error' | 'failure'>;
  const summarise = (how: How): void => {
    const classes = byClass && { byClass: classRecord(dataset.classes, byClass) };
    folder.writeSummary({ ...how, ...run, ...together, ...result(), ...classes });
    folder.log.info({ ...how, epochs: epochs.length }, 'summary');
  };
  const onEvent = (event: TrainEvent): void => {
    const counted = costs.event(event);
    if (counted !== undefined) folder.log.info((cost = counted), 'multiply-adds');
    if (event.type === 'epoch-end') {
      byClass = event.byClass;
      epochs.push(event.metrics);
      folder.writeMetrics(epochs);
      loggers?.epoch(event.metrics);
    }
    if (event.type === 'step-metrics') loggers?.step(event.metrics);
    if (event.type === 'ranks') {
      const parallel = placed === undefined ? 'data' : 'blocks';
      const rounded = placed?.transport && { transport: placed.transport };
      together = { ranks: { parallel, ...rounded, steps: event.steps, perRank: [...event.ranks] } };
    }
    if (['epoch-start', 'epoch-end', 'stalled', 'not-captured'].includes(event.type))
      folder.log.info({ ...event, byClass: undefined });
    if (event.type === 'stalled')
      observer?.note(`${run.label}: stopped after epoch ${event.epoch}: no better for a while`, 'always');
    if (event.type === 'skipped') {
      folder.log.warn(event);
      badFiles.add(event.images);
    }
    observer?.event(event);
  };
  /** For where something else matters more: that nothing can be written will be told, or has been. */
  const trySummarise = (how: How): void => {
    try {
      summarise(how);
    } catch (error) {
      if (!(error instanceof WriteFailure)) throw error;
    }
  };
  const onAbort = (): void => trySummarise({ status: 'interrupted' });
  folder.log.info(
    {
      ...run,
      notice,
      dataset: dataset.name,
      datasetSource: dataset.source,
      datasetNotes: dataset.notes,
      plugins: config.plugins,
      machine: thisMachine(),
    },
    resume === undefined ? 'start' : 'resume',
  );
  signal?.addEventListener('abort', onAbort);
  try {
    if (resume !== undefined) folder.writeMetrics(epochs);
    const { logEvery } = config.train;
    const kinds = [...ownLoggers(folder, { tensorboard, logEvery, resume }), ...registry.loggers];
    const logged = { folder: folder.path, label: run.label, seed: run.seed, finished: [...epochs] };
    const own = configDocument(runConfigOf(experiment, method));
    loggers = openLoggers(kinds, { ...logged, config: own }, (message) => observer?.note(message, 'always'));
    const start = resume ?? startState(config.train);
    const options: ConfiguredTraining = {
      ...trainingSettings(experiment, method),
      signal,
      onEvent,
      resume: start,
      onState: (state) =>
        folder.writeCheckpoint(state, {
          engine: engine.description,
          shares: sharesOf({ ranks, blockRanks }),
        }),
    };
    if (ranks !== undefined) await giveState(ranks, start);
    const { interrupted, weights } =
      placed === undefined
        ? { ...(await train(strategy, dataset, { ...options, ranks })), weights: undefined }
        : await trainBlocks(strategy, dataset, options, placed);
    // Auxiliary nets are not part of what was trained for use.
    folder.writeWeights(weights ?? networkWeights(strategy.network), {
      ...weightsMetadata(useOf(dataset)),
      ...averagedIn(config.train),
    });
    end = { status: interrupted ? 'interrupted' : 'finished' };
    summarise(end);
    return { folder: folder.path, interrupted, result: result() };
  } catch (error) {
    if (error instanceof Diverged) folder.log.error({ losses: error.losses }, 'losses of the step before');
    const failure = failureOf(error);
    end = { status: 'failed', error: messageOf(error) };
    trySummarise({ ...end, ...(failure !== undefined && { failure }) });
    if (failure !== undefined) onFailed?.({ ...run, folder: folder.path, failure, error: messageOf(error) });
    throw howToGoOn(error, folder.path, (message) => observer?.note(message));
  } finally {
    signal?.removeEventListener('abort', onAbort);
    costs.close();
    await loggers?.end(end);
  }
}
