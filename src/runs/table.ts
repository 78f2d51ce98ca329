import { referenceOf } from '../config/reference.js';
import { csvText } from '../core/csv-text.js';
import { ownEntry } from '../core/own-entry.js';
import type { Spread } from '../core/stats.js';
import { markdownTable, type Table } from '../core/table.js';
import {
  formatBytesSpread,
  formatCount,
  formatOverhead,
  formatPoints,
  formatRateSpread,
  formatSecondsSpread,
  formatNumberSpread,
  formatSpread,
} from '../core/text.js';
import { captionOf } from './caption.js';
import { methodRecord } from './method-record.js';
import { overSeeds, type MethodResult } from './seeds.js';
import type { FailedRun } from './outcome.js';
import { resultNotes } from './result-notes.js';
import { tradeOf, type Trade } from '../measure/trade.js';
import { evaluatedInWords, type RunResult } from './summary.js';

/** What cells are made of: a method, and what it takes beside the reference, where one is among the methods. */
interface Row {
  readonly each: MethodResult;
  readonly reference: MethodResult | undefined;
  readonly trade: Trade | undefined;
}

interface Column {
  readonly name: string;
  readonly cell: (row: Row) => string;
}

const none = '–';

/** Columns that set methods against the reference. */
const memoryTimesBp: Column = { name: '× BP', cell: ({ trade }) => trade!.memoryTimesBp.toFixed(2) };
const multiplyAddsOverhead: Column = {
  name: 'mult-adds',
  cell: ({ trade }) => formatOverhead(trade!.multiplyAddsOverhead),
};

/** What tells whether a method is worth it, in a terminal's width. */
function mainColumns(several: boolean, isSetAgainst: boolean, anyBad: boolean): Column[] {
  const against = (column: Column): Column[] => (isSetAgainst ? [column] : []);
  return [
    { name: 'blocks', cell: ({ each }) => String(each.blocks) },
    ...(several ? [{ name: 'n', cell: ({ each }: Row) => String(each.seeds.length) }] : []),
    { name: accuracyColumn, cell: ({ each }) => formatSpread(each.accuracy) },
    ...against({
      name: '− BP',
      cell: ({ each, reference }) => formatPoints(each.accuracy.mean - reference!.accuracy.mean),
    }),
    { name: 'best epoch', cell: ({ each }) => formatBest(each) },
    { name: 'peak', cell: ({ each }) => formatBytesSpread(each.peakMemory) },
    ...against(memoryTimesBp),
    ...against(multiplyAddsOverhead),
    ...against({ name: 'time', cell: ({ trade }) => formatOverhead(trade!.timeOverhead) }),
    { name: 'epoch', cell: ({ each }) => formatSecondsSpread(each.epochTime) },
    ...(anyBad ? [{ name: 'bad images', cell: ({ each }: Row) => String(each.badFiles) }] : []),
  ];
}

/** What it is made of and what that takes. */
function costColumns(anyTop5: boolean, metrics: readonly string[]): Column[] {
  const parameters = (name: string, part: 'network' | 'auxiliary' | 'inference'): Column => ({
    name,
    cell: ({ each }) => (each.parameters ? formatCount(each.parameters[part]) : none),
  });
  const products = (name: string, part: 'network' | 'auxiliary'): Column => ({
    name,
    cell: ({ each }) => (each.multiplyAdds ? formatCount(each.multiplyAdds[part]) : none),
  });
  const top5 = (name: string, of: (each: MethodResult) => Spread | undefined): Column => ({
    name,
    cell: ({ each }) => {
      const found = of(each);
      return found === undefined ? none : formatSpread(found);
    },
  });
  return [
    ...(anyTop5 ? [top5('top-5, last epoch', (each) => each.top5)] : []),
    ...(anyTop5 ? [top5('top-5, best epoch', (each) => each.bestTop5)] : []),
    ...metrics.map((name) => ({
      name,
      cell: ({ each }: Row) => {
        const found = ownEntry(each.metrics, name);
        return found === undefined ? none : formatNumberSpread(found);
      },
    })),
    parameters('parameters', 'network'),
    parameters('auxiliary', 'auxiliary'),
    parameters('at inference', 'inference'),
    products('mult-adds a step, network', 'network'),
    products('auxiliary', 'auxiliary'),
    { name: 'reserved', cell: ({ each }) => formatBytesSpread(each.reservedMemory) },
    { name: 'images/s', cell: ({ each }) => formatRateSpread(each.rate) },
    { name: 'run', cell: ({ each }) => formatSecondsSpread(each.time) },
  ];
}

/**
 * Sets results in a table as people read them, those of several seeds as mean ± standard deviation over n runs; where
 * BP as such is among them, the others are set against it: memory as a multiple, multiply-adds and time of a training
 * image as what they are more or less, in per cent. A run that failed has a row of its own, with what became of it in
 * the place of an accuracy.
 */
export function resultTable(results: readonly RunResult[], failed: readonly FailedRun[] = []): Table {
  const rows = rowsOf(results, failed.length);
  const all = [...results, ...failed];
  const several = new Set(all.map(({ seed }) => seed)).size > 1;
  const isSetAgainst = rows.some(({ trade }) => trade !== undefined);
  const anyBad = rows.some(({ each }) => each.badFiles > 0);
  const columns = mainColumns(several, isSetAgainst, anyBad);
  const failure = ({ label, blocks, seed, failure }: FailedRun): string[] => [
    several ? `${label}, seed ${seed}` : label,
    ...columns.map(
      ({ name }) =>
        (({ blocks: String(blocks), n: '1', [accuracyColumn]: failure }) as Record<string, string>)[name] ??
        none,
    ),
  ];
  return {
    header: ['method', ...columns.map(({ name }) => name)],
    rows: [...cellsOf(rows, columns), ...failed.map(failure)],
  };
}

/** Parameters, multiply-adds and the rest of what methods take. */
export function costTable(results: readonly RunResult[]): Table {
  const rows = rowsOf(results, 0);
  const metrics = new Set(rows.flatMap(({ each }) => Object.keys(each.metrics)));
  const columns = costColumns(
    rows.some(({ each }) => each.top5 !== undefined),
    [...metrics],
  );
  return { header: ['method', ...columns.map(({ name }) => name)], rows: cellsOf(rows, columns) };
}

const accuracyColumn = 'last epoch';

/** Columns that a narrow terminal does without, the first first: all are in `table.md`. */
export const expendableColumns = ['best epoch', '− BP', 'epoch', 'mult-adds'] as const;

/** Of one method alone there is nothing to set against another. */
function rowsOf(results: readonly RunResult[], others: number): Row[] {
  const methods = overSeeds(results);
  const reference = methods.length + others > 1 ? referenceOf(methods) : undefined;
  return methods.map((each) => ({ each, reference, trade: reference && tradeOf(each, reference) }));
}

function cellsOf(rows: readonly Row[], columns: readonly Column[]): string[][] {
  return rows.map((row) => [row.each.label, ...columns.map(({ cell }) => cell(row))]);
}

/** What stands below the table, a line each: what its figures are of, and what is to be known of the results. */
export function tableNotes(results: readonly RunResult[], failed: readonly FailedRun[] = []): string[] {
  const isSetAgainst = rowsOf(results, failed.length).some(({ trade }) => trade !== undefined);
  return [
    captionOf([...results, ...failed]),
    ...(isSetAgainst ? ['mult-adds and time: of training an image, beside BP; epoch: with evaluation'] : []),
    ...resultNotes(results),
  ];
}

/** The methods' figures for programs, as a comparison's `summary.json` has them. */
export function methodRecords(results: readonly RunResult[]): ReturnType<typeof methodRecord>[] {
  const methods = overSeeds(results);
  return methods.map((each) => methodRecord(each, referenceOf(methods)));
}

/** The same as CSV, one row a method, and one for each run that failed. */
export function csvTable(results: readonly RunResult[], failed: readonly FailedRun[] = []): string {
  const rows = methodRecords(results).map((record) => ({
    ...record,
    ...{ badFiles: badFileNames(results, record.label), failure: '' },
  }));
  const failures = failed.map(({ method, label, blocks, seed, memoryMeter, failure, ...run }) => ({
    ...{ method, label, blocks, seeds: String(seed), evaluatedOn: evaluatedInWords(run) },
    ...{ memoryMeter, failure },
  }));
  const columns = Object.keys(rows[0] ?? failures[0] ?? {});
  const cells = [...rows, ...failures].map((row) => columns.map((name) => cellOf(row, name)));
  return csvText([columns, ...cells]);
}

function cellOf(row: object, column: string): string | number {
  const value = (row as Readonly<Record<string, string | number | readonly number[] | undefined>>)[column];
  return typeof value === 'object' ? value.join(' ') : (value ?? '');
}

/** Of all runs with a label, with `; ` between. */
function badFileNames(results: readonly RunResult[], label: string): string {
  const files = results.flatMap((result) => (result.label === label ? (result.badFiles ?? []) : []));
  return [...new Set(files.map(({ path }) => path))].join('; ');
}

/** Both tables as Markdown, and the notes on them below. */
export function resultMarkdown(results: readonly RunResult[], failed: readonly FailedRun[] = []): string {
  const notes = tableNotes(results, failed).map((note) => `\n${note}\n`);
  const cost = results.length === 0 ? [] : ['\n', markdownTable(costTable(results))];
  return [markdownTable(resultTable(results, failed)), ...notes, ...cost].join('');
}

/** `78.90 % (7)` with the epoch, or the same over several seeds, whose epochs differ, without. */
function formatBest({ bestAccuracy, bestEpochs }: MethodResult): string {
  if (bestAccuracy === undefined) return none;
  return formatSpread(bestAccuracy) + (bestEpochs.length === 1 ? ` (${bestEpochs[0]})` : '');
}
