import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { checkGiven, functionSchema, sizeSchema } from '../../core/given.js';
import type { MemoryMeter } from '../../engine/engine.js';
import { isOutOfMemory } from '../../engine/out-of-memory.js';
import { scoped } from '../../engine/scoped.js';
import type { Batch } from '../../local/batch.js';
import { strategySchema } from '../../local/forms.js';
import { noiseBatch } from '../../local/noise-batch.js';
import type { Precision } from '../../engine/precision.js';
import { inPrecision, type Strategy } from '../../local/strategy.js';
import type { LocalUpdate } from '../../local/update.js';
import { papersSgd, sgd } from '../../train/sgd.js';
import type { Optimizer } from '../../train/optimizer.js';
import { planSteps, trainStep } from '../../train/step.js';
import { averageWeights, type WeightAverage } from '../../train/weight-average.js';

/** What one update of a training step takes, in bytes of the engine's meter. */
export interface UpdateMemory {
  readonly name: string;
  /** In use when it starts: what is held throughout, the features it reads, and gradients that wait to be summed. */
  readonly startBytes: number;
  /**
   * What its forward pass adds and its backward pass still needs: saved activations, its output, and of loss terms
   * that were computed eagerly the gradients in place of the activations. 0 where it frees more than that, as the last
   * update that reads features of those before it.
   */
  readonly activationBytes: number;
  /** Of the parameters that it may change. Updates that share some each count them. */
  readonly parameterBytes: number;
  /** Of the parameters that it steps; those that several updates share are stepped by the last of them. */
  readonly optimizerBytes: number;
  /** The most in use while it runs, everything counted. */
  readonly peakBytes: number;
}

/** What a training step takes, in bytes of the engine's meter. */
export interface StepMemory {
  /** In their order. */
  readonly updates: readonly UpdateMemory[];
  /** In use before the first update starts: parameters, running statistics, optimiser state, averages, the batch. */
  readonly heldBytes: number;
  /** The largest of the updates'. */
  readonly peakBytes: number;
}

/** Images of a batch, whose values don't matter, and what takes the step. */
export interface BatchShape {
  readonly batchSize: number;
  /** How many of them are run at a time; default: all. */
  readonly microBatch?: number | undefined;
  /** Of its values. */
  readonly seed: number;
  /** Makes the optimiser of the step; default: SGD with momentum. */
  readonly optimizer?: (() => Optimizer) | undefined;
  /** Whether averages of the weights are held too, as for `train.ema`; default: no. */
  readonly averaged?: boolean | undefined;
  /** What feature maps are held in; default: float32. */
  readonly precision?: Precision | undefined;
}

export const usualOptimizer = (): Optimizer => sgd(papersSgd);

/** The step that makes the optimiser's state needs no more images than the layers that compare them. */
export const firstBatch = 8;

/** What measures. */
export const meterSchema = z.object({ peak: functionSchema, reset: functionSchema, current: functionSchema });
/** Of a batch, what cannot be left out. */
export const batchForm = z.object({
  batchSize: sizeSchema,
  microBatch: sizeSchema.optional(),
  seed: z.int(),
});
const forms = { meter: meterSchema, strategy: strategySchema, shape: batchForm };

/**
 * Measures the memory of a training step on random images, once the optimiser has its state. No parameter changes (the
 * learning rate is 0), running statistics do.
 *
 * @param meter counts everything that the process holds: dispose other networks
 * @param given the strategy whose step is measured
 * @param shape of the batch
 */
export function measureStep(meter: MemoryMeter, given: Strategy, shape: BatchShape): StepMemory {
  checkGiven('measureStep', forms, { meter, strategy: given, shape });
  const {
    batchSize,
    microBatch,
    seed,
    optimizer: makeOptimizer = usualOptimizer,
    averaged = false,
    precision = 'float32',
  } = shape;
  const strategy = inPrecision(given, precision);
  const { network } = strategy;
  const optimizer = makeOptimizer();
  let average: WeightAverage | undefined;
  try {
    // The decay does not matter: nothing is stepped.
    if (averaged) average = averageWeights(strategy, 0);
    const state = optimizerState(meter, strategy, optimizer, noiseBatch(network, firstBatch, seed));
    const probe = probeForward(meter, strategy);
    const batch = noiseBatch(network, batchSize, seed);
    const { heldBytes, peaks } = scoped(() => {
      const onEngine = batch();
      const heldBytes = meter.current();
      const plan = planSteps(strategy.updates);
      const step = trainStep(probe.strategy, plan, optimizer, 0, onEngine, meter, microBatch);
      return { heldBytes, peaks: step.peakBytes };
    });
    const updates = strategy.updates.map((update, i) => ({
      name: update.name,
      ...probe.forward[i]!,
      parameterBytes: variableBytes(new Set(update.variables)),
      optimizerBytes: state[i]!,
      peakBytes: peaks[i]!,
    }));
    return { updates, heldBytes, peakBytes: Math.max(...peaks) };
  } finally {
    average?.dispose();
    optimizer.dispose();
  }
}

/** Makes the optimiser's state, and tells the bytes that each update's part of it takes. */
function optimizerState(
  meter: MemoryMeter,
  strategy: Strategy,
  optimizer: Optimizer,
  batch: () => Batch,
): number[] {
  const made: number[] = [];
  const watched: Optimizer = {
    ...optimizer,
    step(variables, gradients, learningRate) {
      const before = meter.current();
      optimizer.step(variables, gradients, learningRate);
      made.push(meter.current() - before);
    },
  };
  scoped(() => trainStep(strategy, planSteps(strategy.updates), watched, 0, batch()));
  return made;
}

/** What f returns, or undefined where memory ran out. */
export function ifItFits<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch (error) {
    if (isOutOfMemory(error)) return undefined;
    throw error;
  }
}

interface ForwardProbe {
  /** The same strategy, watched. */
  readonly strategy: Strategy;
  /** Of the updates that have run; of an update's micro-batches the most. */
  readonly forward: Pick<UpdateMemory, 'startBytes' | 'activationBytes'>[];
}

function probeForward(meter: MemoryMeter, strategy: Strategy): ForwardProbe {
  const forward: ForwardProbe['forward'] = [];
  const updates = strategy.updates.map((update, i): LocalUpdate => ({
    ...update,
    forward(streams, batch) {
      const startBytes = meter.current();
      const result = update.forward(streams, batch);
      const before = forward[i] ?? { startBytes: 0, activationBytes: 0 };
      forward[i] = {
        startBytes: Math.max(before.startBytes, startBytes),
        activationBytes: Math.max(before.activationBytes, meter.current() - startBytes),
      };
      return result;
    },
  }));
  return { strategy: { ...strategy, updates }, forward };
}

/** Bytes of float32 variables' values. */
export function variableBytes(variables: Iterable<tf.Variable>): number {
  return [...variables].reduce((sum, { size }) => sum + 4 * size, 0);
}
