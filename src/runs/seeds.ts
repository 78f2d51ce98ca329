import { ownEntry } from '../core/own-entry.js';
import { spread, type Spread } from '../core/stats.js';
import { badFilesOf } from './bad-images.js';
import type { RunResult } from './summary.js';

/** A method's runs with several seeds, as one. */
export interface MethodResult extends Pick<
  RunResult,
  | 'method'
  | 'label'
  | 'blocks'
  | 'recompute'
  | 'accumulate'
  | 'memoryMeter'
  | 'evaluatedOn'
  | 'weights'
  | 'parameters'
  | 'batchSize'
> {
  readonly seeds: readonly number[];
  /** After the last epoch. */
  readonly accuracy: Spread;
  /** After each run's best epoch; undefined where the summary of one, of an earlier version, does not have it. */
  readonly bestAccuracy: Spread | undefined;
  /** The runs' best epochs. */
  readonly bestEpochs: readonly number[];
  /** After the last epoch and the best one; undefined where a run has none: of few classes, or of an earlier version. */
  readonly top5: Spread | undefined;
  readonly bestTop5: Spread | undefined;
  /** Of metrics of plugins after the last epoch, those that all its runs have. */
  readonly metrics: Readonly<Record<string, Spread>>;
  /** Image files left out, the most of any run. */
  readonly badFiles: number;
  readonly peakMemory: Spread;
  readonly reservedMemory: Spread;
  readonly rate: Spread;
  /** Of one run. */
  readonly time: Spread;
  /** Of training and evaluation. */
  readonly epochTime: Spread;
  /** The means, as `tradeOf` reads them. */
  readonly peakMemoryBytes: number;
  readonly imagesPerSecond: number;
  readonly multiplyAdds: RunResult['multiplyAdds'];
}

/** Of each metric that all the results have, by its name. */
export function metricSpreads(results: readonly Pick<RunResult, 'metrics'>[]): Record<string, Spread> {
  const names = Object.keys(results[0]?.metrics ?? {});
  const spreads = names.flatMap((name) => {
    const values = results.flatMap(({ metrics = {} }) => ownEntry(metrics, name) ?? []);
    return values.length === results.length ? [[name, spread(values)] as const] : [];
  });
  return Object.fromEntries(spreads);
}

/** Runs of one label together, in the order of their first. */
export function overSeeds(results: readonly RunResult[]): MethodResult[] {
  const labels = [...new Set(results.map(({ label }) => label))];
  return labels.map((each): MethodResult => {
    const runs = results.filter((run) => run.label === each);
    const [first] = runs;
    const { method, label, blocks, memoryMeter, recompute, accumulate, evaluatedOn, weights } = first!;
    const over = (of: (run: RunResult) => number): Spread => spread(runs.map(of));
    const ofAll = (of: (run: RunResult) => number | undefined): Spread | undefined => {
      const values = runs.flatMap((run) => of(run) ?? []);
      return values.length === runs.length ? spread(values) : undefined;
    };
    const parameters = runs.find((run) => run.parameters)?.parameters;
    const batchSize = runs.find((run) => run.batchSize)?.batchSize;
    const peakMemory = over((run) => run.peakMemoryBytes);
    const rate = over((run) => run.imagesPerSecond);
    return {
      ...{ method, label, blocks, memoryMeter, ...(evaluatedOn && { evaluatedOn }) },
      ...(recompute !== undefined && { recompute }),
      ...(accumulate !== undefined && { accumulate }),
      ...(weights && { weights }),
      ...(parameters && { parameters }),
      ...(batchSize !== undefined && { batchSize }),
      seeds: runs.map(({ seed }) => seed),
      accuracy: over(({ accuracy }) => accuracy),
      bestAccuracy: ofAll(({ bestAccuracy }) => bestAccuracy),
      bestEpochs: runs.flatMap((run) => run.bestEpoch ?? []),
      top5: ofAll(({ top5 }) => top5),
      bestTop5: ofAll(({ bestTop5 }) => bestTop5),
      metrics: metricSpreads(runs),
      badFiles: Math.max(...runs.map(badFilesOf)),
      ...{ peakMemory, reservedMemory: over((run) => run.reservedMemoryBytes) },
      ...{ rate, time: over((run) => run.seconds), epochTime: over((run) => run.seconds / run.epochs) },
      ...{ peakMemoryBytes: peakMemory.mean, imagesPerSecond: rate.mean },
      multiplyAdds: runs.find((run) => run.multiplyAdds)?.multiplyAdds,
    };
  });
}
