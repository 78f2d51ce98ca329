import { spread, type Spread } from '../core/stats.js';
import { badFilesOf } from './bad-images.js';
import type { RunResult } from './summary.js';

/** A method's runs with several seeds, as one. */
export interface MethodResult extends Pick<
  RunResult,
  'method' | 'label' | 'blocks' | 'recompute' | 'memoryMeter' | 'evaluatedOn' | 'weights'
> {
  readonly seeds: readonly number[];
  /** After the last epoch. */
  readonly accuracy: Spread;
  /** After each run's best epoch; undefined where the summary of one, of an earlier version, does not have it. */
  readonly bestAccuracy: Spread | undefined;
  /** The runs' best epochs. */
  readonly bestEpochs: readonly number[];
  /** Image files left out, the most of any run. */
  readonly badFiles: number;
  readonly peakMemoryBytes: number;
  readonly imagesPerSecond: number;
  /** Of one run. */
  readonly seconds: number;
}

/** Runs of one label together, in the order of their first; all but accuracies as means alone. */
export function overSeeds(results: readonly RunResult[]): MethodResult[] {
  const labels = [...new Set(results.map(({ label }) => label))];
  return labels.map((each): MethodResult => {
    const runs = results.filter((run) => run.label === each);
    const { method, label, blocks, recompute, memoryMeter, evaluatedOn, weights } = runs[0]!;
    const mean = (of: (run: RunResult) => number): number => spread(runs.map(of)).mean;
    const best = runs.flatMap(({ bestAccuracy }) => bestAccuracy ?? []);
    return {
      ...{ method, label, blocks, memoryMeter, ...(evaluatedOn && { evaluatedOn }) },
      ...(recompute !== undefined && { recompute }),
      ...(weights && { weights }),
      seeds: runs.map(({ seed }) => seed),
      accuracy: spread(runs.map(({ accuracy }) => accuracy)),
      bestAccuracy: best.length === runs.length ? spread(best) : undefined,
      bestEpochs: runs.flatMap((run) => run.bestEpoch ?? []),
      badFiles: Math.max(...runs.map(badFilesOf)),
      peakMemoryBytes: mean((run) => run.peakMemoryBytes),
      imagesPerSecond: mean((run) => run.imagesPerSecond),
      seconds: mean((run) => run.seconds),
    };
  });
}
