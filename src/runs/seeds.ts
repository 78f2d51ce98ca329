import { spread, type Spread } from '../core/stats.js';
import { badFilesOf } from './bad-images.js';
import type { RunResult } from './summary.js';

/** A method's runs with several seeds, as one. */
export interface MethodResult extends Pick<
  RunResult,
  'method' | 'label' | 'blocks' | 'memoryMeter' | 'evaluatedOn' | 'weights'
> {
  readonly seeds: readonly number[];
  readonly accuracy: Spread;
  /** Image files left out, the most of any run. */
  readonly badFiles: number;
  readonly peakMemoryBytes: number;
  readonly imagesPerSecond: number;
  /** Of one run. */
  readonly seconds: number;
}

/** Runs of one label together, in the order of their first; all but the accuracy as means alone. */
export function overSeeds(results: readonly RunResult[]): MethodResult[] {
  const labels = [...new Set(results.map(({ label }) => label))];
  return labels.map((each): MethodResult => {
    const runs = results.filter((run) => run.label === each);
    const { method, label, blocks, memoryMeter, evaluatedOn, weights } = runs[0]!;
    const mean = (of: (run: RunResult) => number): number => spread(runs.map(of)).mean;
    return {
      ...{ method, label, blocks, memoryMeter, ...(evaluatedOn && { evaluatedOn }) },
      ...(weights && { weights }),
      seeds: runs.map(({ seed }) => seed),
      accuracy: spread(runs.map(({ accuracy }) => accuracy)),
      badFiles: Math.max(...runs.map(badFilesOf)),
      peakMemoryBytes: mean((run) => run.peakMemoryBytes),
      imagesPerSecond: mean((run) => run.imagesPerSecond),
      seconds: mean((run) => run.seconds),
    };
  });
}
