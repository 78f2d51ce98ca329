import { csvText } from '../core/csv-text.js';
import type { Table } from '../core/table.js';
import { formatBytes, formatSeconds, formatSpread } from '../core/text.js';
import type { FailedRun } from './outcome.js';
import { overSeeds } from './seeds.js';
import type { ComparedRun } from './summary.js';
import type { SweepPoint } from './sweep-points.js';

/** What a combination of values came to. */
export interface SweptResult {
  readonly point: SweepPoint;
  /** A run for each method and seed. */
  readonly results: readonly ComparedRun[];
  readonly failed: readonly FailedRun[];
}

const shortOf = (key: string): string => key.slice(key.lastIndexOf('.') + 1);

/** A row for each combination and method, of those with several seeds mean ± standard deviation. */
export function sweepTable(points: readonly SweptResult[]): Table {
  const keys = Object.keys(points[0]?.point ?? {});
  const short = keys.map(shortOf);
  const names = keys.map((key, i) =>
    short.filter((each) => each === short[i]).length > 1 ? key : short[i]!,
  );
  return {
    header: ['method', ...names, 'accuracy, last epoch', 'best epoch', 'peak memory', 'time'],
    rows: points.flatMap(({ point, results, failed }) => {
      const values = keys.map((key) => point[key]!);
      return [
        ...overSeeds(results).map((each) => [
          ...[each.label, ...values, formatSpread(each.accuracy)],
          each.bestAccuracy === undefined ? '–' : formatSpread(each.bestAccuracy),
          ...[formatBytes(each.peakMemoryBytes), formatSeconds(each.seconds)],
        ]),
        ...failed.map(({ label, seed, failure }) => [
          ...[`${label}, seed ${seed}`, ...values, failure, '–', '–', '–'],
        ]),
      ];
    }),
  };
}

/** The same for programs, a row for each run that was trained to its end: whole keys, plain numbers, accuracies 0…1. */
export function sweepCsv(points: readonly SweptResult[]): string {
  const keys = Object.keys(points[0]?.point ?? {});
  return csvText([
    [...keys, 'method', 'seed', 'accuracy', 'bestAccuracy', 'peakMemoryBytes', 'seconds', 'folder'],
    ...points.flatMap(({ point, results }) =>
      results.map((run) => [
        ...keys.map((key) => point[key]!),
        ...[run.label, run.seed, run.accuracy, run.bestAccuracy ?? '', run.peakMemoryBytes, run.seconds],
        run.folder ?? '',
      ]),
    ),
  ]);
}
