import tf = require('@tensorflow/tfjs');
import { expect } from 'vitest';
import { randomStream } from '../../src/core/random.js';
import type { StepCapture } from '../../src/engine/capture.js';
import type { Engine } from '../../src/engine/engine.js';
import { createBatch, type Batch } from '../../src/local/batch.js';
import { type Strategy } from '../../src/local/strategy.js';
import { networkCounters, networkState, disposeNetwork, type Network } from '../../src/networks/network.js';
import { capturedSteps } from '../../src/train/captured-steps.js';
import type { Clip } from '../../src/train/clip.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import type { Optimizer } from '../../src/train/optimizer.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { tinyNetwork } from '../support/tiny.js';

/** A training of a few steps. */
export interface Setting {
  readonly build: (network: Network) => Strategy;
  readonly network?: () => Network;
  readonly optimizer?: () => Optimizer;
  readonly clip?: Clip;
  readonly microBatch?: number;
  readonly smoothing?: number;
  readonly floats?: boolean;
  /** Of each step; all as the first if not given. */
  readonly smoothings?: readonly number[];
  readonly microBatches?: readonly number[];
  /** Images of each step; all as many as the first if not given. */
  readonly sizes?: readonly number[];
  /** Tensors that it keeps. */
  readonly left?: number;
  /** Whether the variables of that step are as they were captured. */
  readonly fits?: (step: number) => boolean;
}

/** All that a training comes to. */
export interface Outcome {
  readonly losses: readonly (readonly number[])[];
  /** Beyond what was held before the step. */
  readonly peaks: readonly (readonly number[])[];
  readonly state: readonly Float32Array[];
  readonly counters: readonly number[];
  readonly refused: string | undefined;
  /** Steps that were made again as they were captured. */
  readonly played: number;
}

const batchSize = 6;
export const steps = 7;

function batchOf(network: Network, step: number, size: number, { smoothing, floats }: Setting): Batch {
  const random = randomStream(1, 'captured', `${step}`);
  const { imageShape, classes } = network;
  const length = size * imageShape.reduce((product, n) => product * n);
  const images = floats
    ? Float32Array.from({ length }, () => random.uniform())
    : Uint8Array.from({ length }, () => random.below(256));
  const labels = Uint16Array.from({ length: size }, (_, i) => (i + step) % classes);
  const normalization = { mean: [0.5], std: [0.25] };
  return createBatch(images, labels, imageShape, classes, normalization, undefined, smoothing);
}

/** An engine that tells when a captured step is made again, and captures anew where `fits` says that one does not. */
export function watchingSteps(
  engine: Engine,
  { onPlay, fits = () => true }: { readonly onPlay: () => void; readonly fits?: () => boolean },
): Engine {
  const capture = engine.capture!;
  const begin = (): StepCapture => {
    const under = capture.begin();
    return {
      ...under,
      end(livesOn) {
        const step = under.end(livesOn);
        if (typeof step === 'string') return step;
        return {
          ...step,
          play(segment, inputs) {
            if (segment === 0) onPlay();
            return step.play(segment, inputs);
          },
          fits: (variables) => fits() && step.fits(variables),
        };
      },
    };
  };
  return { ...engine, capture: { ...capture, begin } };
}

function train(engine: Engine, setting: Setting, captures: boolean): Outcome {
  const before = tf.memory().numTensors;
  const network = setting.network?.() ?? tinyNetwork();
  const strategy = setting.build(network);
  const optimizer = setting.optimizer?.() ?? sgd(papersSgd);
  const plan = planSteps(strategy.updates, { clip: setting.clip });
  let played = 0;
  let current = 0;
  const watched = watchingSteps(engine, {
    onPlay: () => played++,
    fits: () => setting.fits?.(current) !== false,
  });
  const captured = captures ? capturedSteps(watched, strategy) : undefined;
  const losses: (readonly number[])[] = [];
  const peaks: (readonly number[])[] = [];
  for (let step = 0; step < steps; step++) {
    current = step;
    const held = engine.memory.current();
    tf.tidy(() => {
      const size = setting.sizes?.[step] ?? batchSize;
      const smoothing = setting.smoothings?.[step] ?? setting.smoothing ?? 0;
      const batch = batchOf(network, step, size, { ...setting, smoothing });
      const microBatch = setting.microBatches?.[step] ?? setting.microBatch;
      const result = trainStep(
        ...([strategy, plan, optimizer, 0.1 / (1 + step), batch, engine.memory] as const),
        ...([microBatch, captured] as const),
      );
      losses.push(result.losses);
      peaks.push(result.peakBytes.map((peak) => peak - held));
    });
    // Nothing of a step is left, but for what optimisers and captures make at first.
    if (step > 3) expect(engine.memory.current()).toBe(held);
  }
  const variables = [
    ...strategy.updates.flatMap((update) => update.variables),
    ...[...networkState(network), ...strategy.auxiliary].map(({ variable }) => variable),
  ];
  const outcome = {
    ...{ losses, peaks, played, refused: captured?.refused() },
    state: [...new Set(variables)].map((variable) => variable.dataSync<'float32'>()),
    counters: [...networkCounters(network), ...(strategy.counters ?? [])].map(({ value }) => value),
  };
  optimizer.dispose();
  strategy.dispose();
  disposeNetwork(network);
  expect(tf.memory().numTensors).toBe(before + (setting.left ?? 0));
  return outcome;
}

/** That both ways come to the same bits, and peaks. */
export function expectSame(engine: Engine, setting: Setting): Outcome {
  const { refused, played, ...captured } = train(engine, setting, true);
  const eager = train(engine, setting, false);
  expect(captured).toEqual({
    losses: eager.losses,
    peaks: eager.peaks,
    state: eager.state,
    counters: eager.counters,
  });
  return { refused, played, ...captured };
}
