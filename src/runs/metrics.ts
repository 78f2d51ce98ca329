import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { messageOf, UserError } from '../core/errors.js';
import { csvText } from '../core/csv-text.js';
import { writeFileAtomic } from '../core/files.js';
import { ownEntry } from '../core/own-entry.js';
import type { EpochMetrics } from '../train/events.js';

/** What the columns of a run's metrics are named after. */
export interface MetricsColumns {
  /** The names of its updates: each adds a `loss:`, a `peak:` and an `accuracy:` column. */
  readonly updates: readonly string[];
  readonly evaluatedOn: 'test' | 'validation';
  /** Whether averages of the weights are evaluated; default: no. */
  readonly averaged?: boolean;
  /** Whether there is a column of top-5 accuracy; default: no. */
  readonly top5?: boolean;
  /** The names of metrics of plugins, each a `metric:` column; default: none. */
  readonly metrics?: readonly string[];
}

/** What every row has, in order. */
const fields = [
  'epoch',
  'learningRate',
  'trainLoss',
  'evaluationLoss',
  'evaluationAccuracy',
  'imagesPerSecond',
  'trainSeconds',
  'evaluationSeconds',
  'dataWaitSeconds',
  'skippedImages',
  'peakMemoryBytes',
  'reservedMemoryBytes',
] as const satisfies readonly (keyof EpochMetrics)[];
const lossPrefix = 'loss:';
const peakPrefix = 'peak:';
/** Empty for updates that classify nothing; files of earlier versions have no such columns. */
const accuracyPrefix = 'accuracy:';
/** What was evaluated is in the column's name: `testAccuracy`, `validationAccuracy`, `testAccuracyAveraged`. */
const evaluated: Readonly<Record<string, string>> = {
  evaluationLoss: 'Loss',
  evaluationAccuracy: 'Accuracy',
  evaluationTop5: 'Top5',
};
/** Of plugins, after all others. Empty for epochs before a plugin had them. */
const metricPrefix = 'metric:';
/** The last column but these, where there is one. Empty for epochs of an earlier version, which a newer one went on from. */
const top5Field = 'evaluationTop5';
/** A network can diverge on what it is evaluated on alone, so these may be Infinity or NaN. */
const mayBeInfinite = /^(test|validation)Loss(Averaged)?$/;

/**
 * Writes `metrics.csv`: a header and a row for each epoch. The whole file is replaced atomically each time (it stays
 * small), so that a run killed at any moment leaves whole rows.
 */
export function writeMetrics(path: string, columns: MetricsColumns, epochs: readonly EpochMetrics[]): void {
  writeFileAtomic(path, formatMetrics(columns, epochs));
}

/** The text of a `metrics.csv`, from which the same numbers are read back, to the last bit. */
export function formatMetrics(
  { updates, evaluatedOn, averaged = false, top5 = false, metrics = [] }: MetricsColumns,
  epochs: readonly EpochMetrics[],
): string {
  const header = [
    ...fields.map((field) => columnOf(field, evaluatedOn, averaged)),
    ...updates.map((name) => lossPrefix + name),
    ...updates.map((name) => peakPrefix + name),
    ...updates.map((name) => accuracyPrefix + name),
    ...(top5 ? [columnOf(top5Field, evaluatedOn, averaged)] : []),
    ...metrics.map((name) => metricPrefix + name),
  ];
  const rows = epochs.map((epoch) => [
    ...fields.map((field) => epoch[field]),
    ...updates.map((name) => ownEntry(epoch.updateLosses, name) ?? Number.NaN),
    ...updates.map((name) => ownEntry(epoch.updatePeakBytes, name) ?? Number.NaN),
    ...updates.map((name) => ownEntry(epoch.updateAccuracies, name) ?? ''),
    ...(top5 ? [epoch.evaluationTop5 ?? ''] : []),
    ...metrics.map((name) => ownEntry(epoch.metrics ?? {}, name) ?? ''),
  ]);
  return csvText([header, ...rows]);
}

/**
 * Reads a `metrics.csv` back.
 *
 * @returns its rows, an epoch each
 * @throws UserError that names the file, line and column if the file can't be read or is not what `writeMetrics` wrote
 */
export function readMetrics(path: string): EpochMetrics[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path}: cannot read the metrics: ${messageOf(error)}`);
  }
  return parseMetrics(text, path);
}

/** As `readMetrics`, from text; `path` is for messages. */
export function parseMetrics(text: string, path: string): EpochMetrics[] {
  let table: string[][];
  try {
    table = parse(text);
  } catch (error) {
    throw new UserError(`${path}: cannot read the metrics: ${messageOf(error)}`);
  }
  const [header = [], ...rows] = table;
  // Files of earlier versions say `test` of a validation split too; the run's summary and log tell.
  const has = (evaluatedOn: MetricsColumns['evaluatedOn'], averaged: boolean): boolean =>
    header.includes(columnOf('evaluationAccuracy', evaluatedOn, averaged));
  const averaged = has('test', true) || has('validation', true);
  const evaluatedOn = has('validation', averaged) ? 'validation' : 'test';
  const columns = fields.map((field) => columnOf(field, evaluatedOn, averaged));
  const odd = columns.find((column, i) => header[i] !== column);
  if (odd !== undefined) throw new UserError(`${path}: not a metrics file: the column "${odd}" is missing`);
  const top5Column = columnOf(top5Field, evaluatedOn, averaged);
  const mayBeEmpty = (column: string): boolean =>
    column.startsWith(accuracyPrefix) || column.startsWith(metricPrefix) || column === top5Column;
  return rows.map((cells, i) => {
    const place = `${path}: row ${i + 1}`;
    const values = new Map<string, number>();
    for (const [k, column] of header.entries()) {
      const cell = cells[k] ?? '';
      if (cell === '' && mayBeEmpty(column)) continue;
      values.set(column, number(cell, column, place));
    }
    if (values.get('epoch') !== i + 1) throw new UserError(`${place}: epoch ${cells[0]} instead of ${i + 1}`);
    const fixed = Object.fromEntries(fields.map((field, k) => [field, values.get(columns[k]!)]));
    const top5 = values.get(top5Column);
    const metrics = withPrefix(values, metricPrefix);
    return {
      ...(top5 === undefined ? {} : { evaluationTop5: top5 }),
      ...(fixed as Pick<EpochMetrics, (typeof fields)[number]>),
      updateLosses: withPrefix(values, lossPrefix),
      updatePeakBytes: withPrefix(values, peakPrefix),
      updateAccuracies: withPrefix(values, accuracyPrefix),
      ...(Object.keys(metrics).length > 0 && { metrics }),
    };
  });
}

function columnOf(field: string, evaluatedOn: MetricsColumns['evaluatedOn'], averaged: boolean): string {
  const ending = evaluated[field];
  return ending === undefined ? field : `${evaluatedOn}${ending}${averaged ? 'Averaged' : ''}`;
}

function withPrefix(values: ReadonlyMap<string, number>, prefix: string): Record<string, number> {
  const found = [...values].filter(([column]) => column.startsWith(prefix));
  return Object.fromEntries(found.map(([column, value]) => [column.slice(prefix.length), value]));
}

function number(cell: string, column: string, place: string): number {
  const value = cell.trim() === '' || !/^(-?[\d.]|NaN$|-?Infinity$)/.test(cell) ? undefined : Number(cell);
  if (value === undefined || (!Number.isFinite(value) && !mayBeInfinite.test(column))) {
    throw new UserError(`${place}: "${cell}" is not a number for the column "${column}"`);
  }
  return value;
}
