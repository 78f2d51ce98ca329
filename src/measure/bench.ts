import type { Engine } from '../engine/engine.js';
import type { Method } from '../local/method.js';
import { median } from '../core/stats.js';
import { openBench, warmupSteps, type BenchSetting } from './bench-run.js';

export interface BenchOptions extends BenchSetting {
  /** Steps that are timed, after `warmupSteps` that are not. */
  readonly steps: number;
}

/** A method's speed and memory on random images of CIFAR's shape. */
export interface BenchResult {
  readonly method: string;
  readonly engine: Engine['name'];
  readonly memoryMeter: Engine['memory']['name'];
  readonly peakMemoryBytes: number;
  readonly reservedMemoryBytes: number;
  /** Images a step. */
  readonly batch: number;
  /** The batch over the median time of a step, from bytes in memory to stepped parameters. */
  readonly imagesPerSecond: number;
  readonly steps: number;
  /** In use between steps: parameters, running statistics, optimiser state. */
  readonly heldMemoryBytes: number;
}

/**
 * Times training steps of one method. The peak is that of the timed steps.
 * Throws a UserError if the network has too few units for the blocks.
 */
export function benchMethod(engine: Engine, method: Method, options: BenchOptions): BenchResult {
  const run = openBench(engine, method, options);
  try {
    const seconds: number[] = [];
    for (let step = -warmupSteps; step < options.steps; step++) {
      if (step === 0) engine.memory.reset();
      const start = performance.now();
      run.step();
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
      heldMemoryBytes: engine.memory.current(),
    };
  } finally {
    run.dispose();
  }
}
