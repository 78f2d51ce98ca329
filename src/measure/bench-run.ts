import type { Engine, MemoryMeter } from '../engine/engine.js';
import type { Precision } from '../engine/precision.js';
import type { Recompute } from '../engine/recompute-choices.js';
import { scoped } from '../engine/scoped.js';
import { buildMethod } from '../local/build.js';
import type { Method } from '../local/method.js';
import { noiseBatch } from '../local/noise-batch.js';
import { takesBlocks } from '../local/partition/of-method.js';
import { inPrecision, type Strategy } from '../local/strategy.js';
import { disposeNetwork } from '../networks/network.js';
import { resnetCifar } from '../networks/resnet-cifar.js';
import { papersSgd, sgd } from '../train/sgd.js';
import type { Optimizer } from '../train/optimizer.js';
import { capturedSteps } from '../train/captured-steps.js';
import { planSteps, trainStep, type StepResult } from '../train/step.js';

export interface BenchSetting {
  /** Layers of the CIFAR ResNet. */
  readonly layers: number;
  /** K of the methods that cut into blocks. */
  readonly blocks: number;
  /** Images a step. */
  readonly batch: number;
  /** What backward passes make again; nothing if not given. */
  readonly recompute?: Recompute | undefined;
  /** What feature maps are held in; float32 if not given. */
  readonly precision?: Precision | undefined;
  /** Whether steps are captured, as training does; not if not given. */
  readonly captureSteps?: boolean | undefined;
}

/** What the steps are made of. */
export interface BenchParts {
  readonly strategy: Strategy;
  readonly optimizer: Optimizer;
}

export interface BenchRun {
  /** One step: from bytes in memory to stepped parameters. */
  step(meter?: MemoryMeter): StepResult;
  dispose(): void;
}

/** Steps before those that count: the first also allocate the optimiser's state and choose the library's algorithms, two are captured. */
export const warmupSteps = 4;

const imageShape = [32, 32, 3] as const;
const classes = 10;
const learningRate = 0.01;
const seed = 1;

/**
 * Training steps of one method with its default options, and so many blocks if it has that option, on random images of
 * CIFAR's shape. `watched` may put something between the step and its parts.
 * Throws a UserError if the network has too few units for the blocks, or the engine has not the precision.
 */
export function openBench(
  engine: Engine,
  method: Method,
  setting: BenchSetting,
  watched: (parts: BenchParts) => BenchParts = (parts) => parts,
): BenchRun {
  const network = resnetCifar({ layers: setting.layers, classes, imageShape, seed });
  const asked = takesBlocks(method) ? { blocks: setting.blocks } : {};
  const built = buildMethod(network, {
    ...{ method, options: method.options.parse(asked) },
    ...(setting.recompute === undefined ? {} : { recompute: setting.recompute }),
  });
  const { strategy, optimizer } = watched({
    strategy: inPrecision(built, setting.precision ?? 'float32'),
    optimizer: sgd(papersSgd),
  });
  engine.memory.release();
  const plan = planSteps(strategy.updates);
  const batch = noiseBatch(network, setting.batch, seed);
  const captured = setting.captureSteps === true ? capturedSteps(engine, strategy) : undefined;
  return {
    step: (meter) =>
      scoped(() =>
        trainStep(strategy, plan, optimizer, learningRate, batch(), meter, setting.batch, captured),
      ),
    dispose() {
      optimizer.dispose();
      strategy.dispose();
      disposeNetwork(network);
    },
  };
}
