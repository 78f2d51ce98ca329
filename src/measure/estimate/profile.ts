import { createHash } from 'node:crypto';
import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { evaluationMode } from '../../engine/fused/ops.js';
import { scoped } from '../../engine/scoped.js';
import { noiseBatch } from '../../local/noise-batch.js';
import { networkForward } from '../../networks/network.js';
import { trainingSteps } from '../../train/epoch-steps.js';
import type { TrainSection } from '../../train/options.js';
import { papersSgd, sgd } from '../../train/sgd.js';
import { planSteps, trainStep, type StepResult } from '../../train/step.js';
import { namedOptions, type MethodConfig } from '../../config/method-config.js';
import { buildMethod } from '../../local/build.js';
import { inPrecision } from '../../local/strategy.js';
import { chooseCuts } from '../memory/choose-cuts.js';
import { withNetwork, type MemorySetting } from '../memory/setting.js';

/** What steps of one batch size took. */
const pointSchema = z.strictObject({
  batch: z.int().min(1),
  /** Of a step, the least: what else the machine does can only add to it. */
  seconds: z.number().positive(),
  /** The most in use while each update runs. */
  peakBytes: z.array(z.number().min(0)).min(1),
});

export const profileSchema = z.strictObject({
  small: pointSchema,
  large: pointSchema,
  /** Of the network without its auxiliary nets, forward. */
  evaluationSecondsPerImage: z.number().positive(),
  /** When it was measured. */
  time: z.iso.datetime(),
});

/** Training steps of one network and method at two small batches: from them follows what others take. */
export type StepProfile = z.infer<typeof profileSchema>;

/** What decides a step's cost beside the batch. */
export function profileKey(
  {
    network,
    classes,
    imageShape,
    precision = 'float32',
  }: Pick<MemorySetting, 'network' | 'classes' | 'imageShape' | 'precision'>,
  method: MethodConfig,
): string {
  // Those in float32 were kept without saying so.
  const held = precision === 'float32' ? [] : [precision];
  const parts = JSON.stringify([network, classes, imageShape, namedOptions(method), ...held]);
  return createHash('sha256').update(parts).digest('hex').slice(0, 16);
}

interface TimedPoint extends z.infer<typeof pointSchema> {
  seconds: number;
  peakBytes: number[];
  readonly step: () => StepResult;
}

/** Timed steps of each batch size, in turns: so many, or as many as this time allows, but one. */
const timedSteps = 3;
const timedSeconds = 4;

/** Images at which a 32×32 network's time is that of its arithmetic; larger images need fewer. */
const usualBatch = 32;
const usualPixels = 32 * 32;
/** Batch normalisation of single numbers needs two of them. */
const leastBatch = 2;

/**
 * Measures steps on random images, at two batches of a few. No parameter changes.
 * Throws a UserError where the method does not fit the network.
 */
export async function measureProfile(
  setting: MemorySetting,
  method: MethodConfig,
  signal?: AbortSignal,
): Promise<StepProfile> {
  const [height, width] = setting.imageShape;
  const large = Math.max(2 * leastBatch, Math.round((usualBatch * usualPixels) / (height * width)));
  const small = Math.max(leastBatch, Math.round(large / 4));
  const chosen = await chooseCuts({ ...setting, batchSize: large }, method, { signal });
  return withNetwork(setting, (network) => {
    const strategy = inPrecision(buildMethod(network, chosen.method), setting.precision ?? 'float32');
    const optimizer = sgd(papersSgd);
    const plan = planSteps(strategy.updates);
    const { memory } = setting.engine;
    const point = (batchSize: number): TimedPoint => {
      const batch = noiseBatch(strategy.network, batchSize, setting.seed);
      const step = () => scoped(() => trainStep(strategy, plan, optimizer, 0, batch(), memory));
      return { batch: batchSize, seconds: Infinity, peakBytes: [], step };
    };
    try {
      const points = [point(small), point(large)] as const;
      // The first makes the optimiser's state and chooses the library's algorithms.
      for (const { step } of points) step();
      const start = performance.now();
      for (let i = 0; i < timedSteps && (i === 0 || performance.now() - start < 1000 * timedSeconds); i++) {
        for (const each of points) {
          const before = performance.now();
          each.peakBytes = [...each.step().peakBytes];
          each.seconds = Math.min(each.seconds, (performance.now() - before) / 1000);
        }
      }
      const images = noiseBatch(strategy.network, large, setting.seed);
      const evaluate = (): number => {
        const before = performance.now();
        scoped(() => tf.sum(networkForward(strategy.network, images().images, evaluationMode)).dataSync());
        return (performance.now() - before) / 1000 / large;
      };
      evaluate();
      const [first, second] = points.map(({ batch, seconds, peakBytes }) => ({ batch, seconds, peakBytes }));
      return {
        ...{ small: first!, large: second! },
        ...{ evaluationSecondsPerImage: evaluate(), time: new Date().toISOString() },
      };
    } finally {
      optimizer.dispose();
      strategy.dispose();
    }
  });
}

/** What training takes, from a profile. */
export interface Estimate {
  readonly seconds: number;
  /** Of the largest update. */
  readonly peakBytes: number;
}

export interface Workload extends Pick<TrainSection, 'epochs' | 'batchSize' | 'lastBatch'> {
  /** Images an epoch. */
  readonly train: number;
  readonly evaluated: number;
}

/** Of a step's time at the larger batch: no more of it can be what does not grow with the batch. More is noise. */
const mostFixed = 0.5;

/**
 * Time and memory are straight lines in the batch, memory that of each update by itself. Decoding of images is not
 * counted: worker threads do it beside the training.
 */
export function estimate(
  { small, large, evaluationSecondsPerImage }: StepProfile,
  { epochs, batchSize, lastBatch, train, evaluated }: Workload,
): Estimate {
  const line = (a: number, b: number, leastSlope: number, batch: number): number => {
    const slope = Math.max(leastSlope, (b - a) / (large.batch - small.batch));
    return Math.max(0, b - slope * large.batch) + slope * batch;
  };
  const stepSeconds = (batch: number): number =>
    line(small.seconds, large.seconds, ((1 - mostFixed) * large.seconds) / large.batch, batch);
  const { steps, last } = trainingSteps(train, { batchSize, lastBatch });
  const trainSeconds = Math.max(0, steps - 1) * stepSeconds(batchSize) + stepSeconds(last || batchSize);
  return {
    seconds: epochs * (trainSeconds + evaluated * evaluationSecondsPerImage),
    peakBytes: Math.max(...large.peakBytes.map((bytes, i) => line(small.peakBytes[i]!, bytes, 0, batchSize))),
  };
}
