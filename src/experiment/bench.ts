import type { Engine } from '../engine/engine.js';
import { scoped } from '../engine/scoped.js';
import { noiseBatch } from '../local/noise-batch.js';
import type { Method } from '../local/method.js';
import { disposeNetwork } from '../networks/network.js';
import { resnetCifar } from '../networks/resnet-cifar.js';
import { sgd } from '../train/sgd.js';
import { planSteps, trainStep } from '../train/step.js';
import type { RunResult } from './summary.js';

export interface BenchOptions {
  /** Layers of the CIFAR ResNet. */
  readonly depth: number;
  /** K of the methods that cut into blocks. */
  readonly blocks: number;
  readonly batch: number;
  /** Steps that are timed, after `warmupSteps` that are not. */
  readonly steps: number;
}

/** A method's speed and memory on random images of CIFAR's shape. */
export interface BenchResult extends Pick<
  RunResult,
  'method' | 'peakMemoryBytes' | 'reservedMemoryBytes' | 'memoryMeter' | 'engine'
> {
  /** Images a step. */
  readonly batch: number;
  /** The batch over the median time of a step, from bytes in memory to stepped parameters. */
  readonly imagesPerSecond: number;
  readonly steps: number;
}

/** The first steps also allocate the optimiser's state and choose the library's algorithms. */
const warmupSteps = 3;
const imageShape = [32, 32, 3] as const;
const classes = 10;
const learningRate = 0.01;
const seed = 1;

/**
 * Times training steps of one method with its default options, and so many blocks if it has that option. The peak is
 * that of the timed steps.
 * Throws a UserError if the network has too few units for the blocks.
 */
export function benchMethod(engine: Engine, method: Method, options: BenchOptions): BenchResult {
  const network = resnetCifar({ depth: options.depth, classes, imageShape, seed });
  const { shape } = method.options;
  const asked = 'blocks' in shape ? { blocks: options.blocks } : {};
  const strategy = method.build(network, method.options.parse(asked));
  engine.memory.release();
  const optimizer = sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
  try {
    const plan = planSteps(strategy.updates);
    const batch = noiseBatch(network, options.batch, seed);
    const seconds: number[] = [];
    for (let step = -warmupSteps; step < options.steps; step++) {
      if (step === 0) engine.memory.reset();
      const start = performance.now();
      scoped(() => trainStep(strategy, plan, optimizer, learningRate, batch()));
      if (step >= 0) seconds.push((performance.now() - start) / 1000);
    }
    return {
      method: method.name,
      batch: options.batch,
      imagesPerSecond: options.batch / median(seconds),
      peakMemoryBytes: engine.memory.peak(),
      reservedMemoryBytes: engine.memory.reserved(),
      memoryMeter: engine.memory.name,
      engine: engine.name,
      steps: options.steps,
    };
  } finally {
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
