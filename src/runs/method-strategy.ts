import { refusePrecision } from '../engine/refuse-precision.js';
import { buildMethod } from '../local/build.js';
import type { Strategy } from '../local/strategy.js';
import { buildNetwork } from '../networks/build.js';
import { disposeNetwork } from '../networks/network.js';
import { withoutDrawing, withoutMemory } from '../nn/parameters.js';
import { checkLearningRate, checkRateFactors } from '../train/check-learning-rate.js';
import { checkLoneImage } from '../train/check-lone-image.js';
import { checkMixing } from '../train/check-mixing.js';
import { checkPixels } from '../train/check-pixels.js';
import { checkBatches } from '../train/loaders.js';
import { optimizerOf } from '../train/optimizers.js';
import { restoreState } from '../train/state.js';
import { planSteps } from '../train/step.js';
import { averageWeights } from '../train/weight-average.js';
import { splitNetwork } from '../config/start-weights.js';
import { accumulateOf, labelOf, type MethodConfig } from '../config/method-config.js';
import { asksForBalance } from '../measure/memory/choose-cuts.js';
import type { Experiment } from './experiment.js';
import { ofStartState, startState } from './start-state.js';
import { startWithWeights } from './start-weights.js';

type StrategySetting = Pick<Experiment, 'config' | 'registry' | 'dataset'>;

/**
 * Builds a fresh network and its strategy, and frees both when f is done with them.
 *
 * @param values whether their parameters are drawn, or have no memory until they are
 */
export async function withStrategy<T>(
  experiment: StrategySetting,
  method: MethodConfig,
  f: (strategy: Strategy, label: string) => Promise<T>,
  values: 'drawn' | 'absent' = 'drawn',
): Promise<T> {
  const open = (): ReturnType<typeof openStrategy> => openStrategy(experiment, method);
  const { strategy, label, dispose } = values === 'drawn' ? open() : withoutMemory(open);
  try {
    return await f(strategy, label);
  } finally {
    dispose();
  }
}

function openStrategy(
  { config, registry, dataset }: StrategySetting,
  method: MethodConfig,
): { readonly strategy: Strategy; readonly label: string; readonly dispose: () => void } {
  const inputs = {
    classes: dataset.classes.length,
    imageShape: dataset.imageShape,
    seed: config.seed,
  };
  const { options, weights } = splitNetwork(config.network);
  const network = buildNetwork(options, inputs, registry.networks);
  try {
    // Before the method, which may copy what the network starts with.
    if (weights !== undefined) startWithWeights(network, weights);
    const strategy = buildMethod(network, method);
    const dispose = (): void => {
      strategy.dispose();
      disposeNetwork(network);
    };
    return { strategy, label: labelOf(method), dispose };
  } catch (error) {
    disposeNetwork(network);
    throw error;
  }
}

/**
 * Refuses what does not fit, as far as that can be told without measuring: the training, and a method whose cut points
 * are named.
 *
 * @param begins false where it goes on from a checkpoint of its own
 * @throws UserError that says what does not
 */
export function checkFit(experiment: StrategySetting, method: MethodConfig, begins = true): void {
  const { config, registry, dataset } = experiment;
  checkLearningRate({ ...config.train, schedules: registry.schedules });
  checkBatches(dataset, config.train);
  if (!asksForBalance(method)) checkMethod(experiment, method, begins);
}

/** The names of a method's updates, in the order of a step; no values are drawn to find out. */
export function updateNames(experiment: StrategySetting, method: MethodConfig): string[] {
  return withoutDrawing(() => {
    const { strategy, dispose } = openStrategy(experiment, method);
    dispose();
    return strategy.updates.map(({ name }) => name);
  });
}

/**
 * Throws a UserError if a method does not fit the network or the training: it is built to find out, but no initial
 * values are drawn for it.
 *
 * @param begins false where the training state is that of a run that goes on, which `train.init` has no part in
 */
export function checkMethod(experiment: StrategySetting, method: MethodConfig, begins = true): void {
  const { mixup, batchSize } = experiment.config.train;
  const accumulate = accumulateOf(method, experiment.config.train);
  withoutDrawing(() => {
    const { strategy, dispose } = openStrategy(experiment, method);
    try {
      planSteps(strategy.updates, experiment.config.train);
      checkRateFactors(strategy.updates, experiment.config.train);
      refusePrecision(experiment.config.train.precision ?? 'float32');
      checkOptimizer(strategy, experiment, begins);
      if (mixup > 0) checkMixing(strategy);
      checkPixels(strategy, experiment.dataset);
      if (batchSize === accumulate) checkLoneImage(strategy, accumulate);
    } finally {
      dispose();
    }
  });
}

/** Whether the engine has it, and, where a run begins with another's state, whether it goes on from that. */
function checkOptimizer(strategy: Strategy, { config, registry }: StrategySetting, begins: boolean): void {
  const { train } = config;
  const start = begins ? startState(train) : undefined;
  const optimizer = optimizerOf(train, registry.optimizers);
  const average = start && train.ema ? averageWeights(strategy, train.ema.decay) : undefined;
  try {
    if (start !== undefined) restoreState(strategy, optimizer, start, average);
  } catch (error) {
    throw ofStartState(error, train);
  } finally {
    average?.dispose();
    optimizer.dispose();
  }
}
