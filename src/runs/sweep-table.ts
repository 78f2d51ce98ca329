import { csvText } from '../core/csv-text.js';
import type { Table } from '../core/table.js';
import { formatBytesSpread, formatSecondsSpread, formatSpread } from '../core/text.js';
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
  /** Why none of its runs began, of which methods: its cut points could not be measured, or its data is gone. */
  readonly refused?: { readonly methods: readonly string[]; readonly error: string };
}

const notBegun = 'failed';
const shortOf = (key: string): string => key.slice(key.lastIndexOf('.') + 1);

/**
 * A row for each combination and method, of those with several seeds mean ± standard deviation; and one for each run that
 * failed, or method that was not begun.
 */
export function sweepTable(points: readonly SweptResult[]): Table {
  const keys = Object.keys(points[0]?.point ?? {});
  const short = keys.map(shortOf);
  const names = keys.map((key, i) =>
    short.filter((each) => each === short[i]).length > 1 ? key : short[i]!,
  );
  return {
    header: ['method', ...names, 'accuracy, last epoch', 'best epoch', 'peak memory', 'time'],
    rows: points.flatMap(({ point, results, failed, refused }) => {
      const values = keys.map((key) => point[key]!);
      return [
        ...overSeeds(results).map((each) => [
          ...[each.label, ...values, formatSpread(each.accuracy)],
          each.bestAccuracy === undefined ? '–' : formatSpread(each.bestAccuracy),
          ...[formatBytesSpread(each.peakMemory), formatSecondsSpread(each.time)],
        ]),
        ...failed.map(({ label, seed, failure }) => [
          ...[`${label}, seed ${seed}`, ...values, failure, '–', '–', '–'],
        ]),
        ...(refused?.methods ?? []).map((label) => [label, ...values, notBegun, '–', '–', '–']),
      ];
    }),
  };
}

/**
 * The same for programs, a row for each run: whole keys, plain numbers, accuracies 0…1; of those that failed, and of
 * methods that were not begun, the last column says what became of them.
 */
export function sweepCsv(points: readonly SweptResult[]): string {
  const keys = Object.keys(points[0]?.point ?? {});
  return csvText([
    [
      ...keys,
      'method',
      'seed',
      'accuracy',
      'bestAccuracy',
      'peakMemoryBytes',
      'seconds',
      'folder',
      'failure',
    ],
    ...points.flatMap(({ point, results, failed, refused }) => [
      ...results.map((run) => [
        ...keys.map((key) => point[key]!),
        ...[run.label, run.seed, run.accuracy, run.bestAccuracy ?? '', run.peakMemoryBytes, run.seconds],
        ...[run.folder ?? '', ''],
      ]),
      ...failed.map(({ label, seed, folder, failure }) => [
        ...[...keys.map((key) => point[key]!), label, seed, '', '', '', '', folder, failure],
      ]),
      ...(refused?.methods ?? []).map((label) => [
        ...[...keys.map((key) => point[key]!), label, '', '', '', '', '', '', notBegun],
      ]),
    ]),
  ]);
}
