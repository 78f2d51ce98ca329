import { csvText } from '../core/csv-text.js';
import { markdownTable, type Table } from '../core/table.js';
import { formatBytes, formatRate, formatSeconds, formatSpread } from '../core/text.js';
import { overSeeds, type MethodResult } from './seeds.js';
import type { FailedRun } from './outcome.js';
import { resultNotes } from './result-notes.js';
import { evaluatedInWords, type RunResult } from './summary.js';

/**
 * Sets results in a table as people read them, those of several seeds as mean ± standard deviation; where BP is among
 * them, memory and the accuracy after the last epoch are set against it. A run that failed has a row of its own, with what became of it in the
 * place of an accuracy.
 */
export function resultTable(results: readonly RunResult[], failed: readonly FailedRun[] = []): Table {
  const methods = overSeeds(results);
  const bp = methods.find(({ method }) => method === 'bp');
  const all = [...results, ...failed];
  const several = new Set(all.map(({ seed }) => seed)).size > 1;
  const splits = [...new Set(all.map(evaluatedInWords))].join('/');
  const meters = [...new Set(all.map(({ memoryMeter }) => memoryMeter))].join(', ');
  const anyBad = methods.some(({ badFiles }) => badFiles > 0);
  return {
    header: [
      ...['method', 'blocks', ...(several ? ['seeds'] : [])],
      ...[`${splits} accuracy, last epoch`, ...(bp ? ['− BP'] : []), 'best epoch'],
      ...[`peak memory (${meters})`, ...(bp ? ['× BP'] : []), 'images/s', 'time'],
      ...(anyBad ? ['bad images'] : []),
    ],
    rows: methods
      .map((each) => [
        ...[each.label, String(each.blocks), ...(several ? [String(each.seeds.length)] : [])],
        formatSpread(each.accuracy),
        ...(bp ? [formatPoints(each.accuracy.mean - bp.accuracy.mean)] : []),
        ...[formatBest(each), formatBytes(each.peakMemoryBytes)],
        ...(bp ? [(each.peakMemoryBytes / bp.peakMemoryBytes).toFixed(2)] : []),
        ...[formatRate(each.imagesPerSecond), formatSeconds(each.seconds)],
        ...(anyBad ? [String(each.badFiles)] : []),
      ])
      .concat(
        failed.map(({ label, blocks, seed, failure }) => [
          ...(several ? [`${label}, seed ${seed}`, String(blocks), '1'] : [label, String(blocks)]),
          ...[
            failure,
            ...(bp ? ['–'] : []),
            '–',
            '–',
            ...(bp ? ['–'] : []),
            '–',
            '–',
            ...(anyBad ? ['–'] : []),
          ],
        ]),
      ),
  };
}

/** The same for programs: plain numbers, accuracies 0…1, one row a method, and one for each run that failed. */
export function csvTable(results: readonly RunResult[], failed: readonly FailedRun[] = []): string {
  const methods = overSeeds(results);
  const bp = methods.find(({ method }) => method === 'bp');
  const rows = methods.map((each) => ({
    ...{ method: each.method, label: each.label, blocks: each.blocks, seeds: each.seeds.join(' ') },
    evaluatedOn: evaluatedInWords(each),
    accuracy: each.accuracy.mean,
    accuracyDeviation: each.accuracy.deviation ?? '',
    accuracyMinusBp: bp ? each.accuracy.mean - bp.accuracy.mean : '',
    bestAccuracy: each.bestAccuracy?.mean ?? '',
    ...{ bestAccuracyDeviation: each.bestAccuracy?.deviation ?? '', bestEpochs: each.bestEpochs.join(' ') },
    ...{ memoryMeter: each.memoryMeter, peakMemoryBytes: each.peakMemoryBytes },
    memoryTimesBp: bp ? each.peakMemoryBytes / bp.peakMemoryBytes : '',
    ...{ imagesPerSecond: each.imagesPerSecond, seconds: each.seconds },
    ...{ badImages: each.badFiles, badFiles: badFileNames(results, each.label), failure: '' },
  }));
  const failures = failed.map(({ method, label, blocks, seed, memoryMeter, failure, ...run }) => ({
    ...{ method, label, blocks, seeds: String(seed), evaluatedOn: evaluatedInWords(run) },
    ...{ accuracy: '', accuracyDeviation: '', accuracyMinusBp: '' },
    ...{ bestAccuracy: '', bestAccuracyDeviation: '', bestEpochs: '' },
    ...{ memoryMeter, peakMemoryBytes: '', memoryTimesBp: '', imagesPerSecond: '', seconds: '' },
    ...{ badImages: '', badFiles: '', failure },
  }));
  const all = [...rows, ...failures];
  return csvText([Object.keys(all[0] ?? {}), ...all.map((row) => Object.values(row))]);
}

/** Of all runs with a label, with `; ` between. */
function badFileNames(results: readonly RunResult[], label: string): string {
  const files = results.flatMap((result) => (result.label === label ? (result.badFiles ?? []) : []));
  return [...new Set(files.map(({ path }) => path))].join('; ');
}

/** The same results as Markdown, and the notes on them below. */
export function resultMarkdown(results: readonly RunResult[], failed: readonly FailedRun[] = []): string {
  const notes = resultNotes(results).map((note) => `\n${note}\n`);
  return [markdownTable(resultTable(results, failed)), ...notes].join('');
}

/** `78.90 % (7)` with the epoch, or the same over several seeds, whose epochs differ, without. */
function formatBest({ bestAccuracy, bestEpochs }: MethodResult): string {
  if (bestAccuracy === undefined) return '–';
  return formatSpread(bestAccuracy) + (bestEpochs.length === 1 ? ` (${bestEpochs[0]})` : '');
}

/** A difference of accuracies in points: −0.011 → `−1.10`. */
function formatPoints(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(2);
  if (Number(points) === 0) return points;
  return `${difference < 0 ? '−' : '+'}${points}`;
}
