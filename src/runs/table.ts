import { badFilesInWords } from './bad-images.js';
import { quote } from './metrics.js';
import type { FailedRun } from './outcome.js';
import { overSeeds, type Spread } from './seeds.js';
import type { RunResult } from './summary.js';

/** Text cells under a header. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Results as people read them, those of several seeds as mean ± standard deviation; where BP is among them, accuracy and
 * memory are set against it. A run that failed has a row of its own, with what became of it in the place of an accuracy.
 */
export function resultTable(results: readonly RunResult[], failed: readonly FailedRun[] = []): Table {
  const methods = overSeeds(results);
  const bp = methods.find(({ method }) => method === 'bp');
  const all = [...results, ...failed];
  const several = new Set(all.map(({ seed }) => seed)).size > 1;
  const splits = [...new Set(all.map(({ evaluatedOn = 'test' }) => evaluatedOn))].join('/');
  const meters = [...new Set(all.map(({ memoryMeter }) => memoryMeter))].join(', ');
  const anyBad = methods.some(({ badFiles }) => badFiles > 0);
  return {
    header: [
      ...['method', 'blocks', ...(several ? ['seeds'] : []), `${splits} accuracy`, ...(bp ? ['− BP'] : [])],
      ...[`peak memory (${meters})`, ...(bp ? ['× BP'] : []), 'images/s', 'time'],
      ...(anyBad ? ['bad images'] : []),
    ],
    rows: methods
      .map(({ label, blocks, seeds, accuracy, badFiles, peakMemoryBytes, imagesPerSecond, seconds }) => [
        ...[label, String(blocks), ...(several ? [String(seeds.length)] : [])],
        ...[formatSpread(accuracy), ...(bp ? [formatPoints(accuracy.mean - bp.accuracy.mean)] : [])],
        formatBytes(peakMemoryBytes),
        ...(bp ? [(peakMemoryBytes / bp.peakMemoryBytes).toFixed(2)] : []),
        ...[formatRate(imagesPerSecond), formatSeconds(seconds)],
        ...(anyBad ? [String(badFiles)] : []),
      ])
      .concat(
        failed.map(({ label, blocks, seed, failure }) => [
          ...(several ? [`${label}, seed ${seed}`, String(blocks), '1'] : [label, String(blocks)]),
          ...[failure, ...(bp ? ['–'] : []), '–', ...(bp ? ['–'] : []), '–', '–', ...(anyBad ? ['–'] : [])],
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
    evaluatedOn: each.evaluatedOn ?? 'test',
    accuracy: each.accuracy.mean,
    accuracyDeviation: each.accuracy.deviation ?? '',
    accuracyMinusBp: bp ? each.accuracy.mean - bp.accuracy.mean : '',
    ...{ memoryMeter: each.memoryMeter, peakMemoryBytes: each.peakMemoryBytes },
    memoryTimesBp: bp ? each.peakMemoryBytes / bp.peakMemoryBytes : '',
    ...{ imagesPerSecond: each.imagesPerSecond, seconds: each.seconds },
    ...{ badImages: each.badFiles, badFiles: badFileNames(results, each.label), failure: '' },
  }));
  const failures = failed.map(
    ({ method, label, blocks, seed, evaluatedOn = 'test', memoryMeter, failure }) => ({
      ...{ method, label, blocks, seeds: String(seed), evaluatedOn },
      ...{ accuracy: '', accuracyDeviation: '', accuracyMinusBp: '' },
      ...{ memoryMeter, peakMemoryBytes: '', memoryTimesBp: '', imagesPerSecond: '', seconds: '' },
      ...{ badImages: '', badFiles: '', failure },
    }),
  );
  const all = [...rows, ...failures];
  const lines = [Object.keys(all[0] ?? {}), ...all.map((row) => Object.values(row))];
  return lines.map((cells) => `${cells.map(quote).join(',')}\n`).join('');
}

/**
 * Aligned columns for a terminal: the first to the left, numbers to the right. Where that is wider than the terminal,
 * each row becomes lines of its own, a column a line. Ends with a line break.
 *
 * @param width in characters; by default the terminal's, where standard output is one
 */
export function textTable({ header, rows }: Table, width = process.stdout.columns ?? Infinity): string {
  const widths = columnWidths([header, ...rows]);
  if (widths.reduce((sum, each) => sum + each + 2, -2) > width) {
    const names = columnWidths(header.map((name) => [name]))[0] ?? 0;
    const record = (cells: readonly string[]): string =>
      header.map((name, i) => `${name.padEnd(names)}  ${cells[i] ?? ''}`.trimEnd() + '\n').join('');
    return rows.map(record).join('\n');
  }
  const line = (cells: readonly string[]): string => `${align(cells, widths).join('  ').trimEnd()}\n`;
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('');
}

/** Of all runs with a label, with `; ` between. */
function badFileNames(results: readonly RunResult[], label: string): string {
  const files = results.flatMap((result) => (result.label === label ? (result.badFiles ?? []) : []));
  return [...new Set(files.map(({ path }) => path))].join('; ');
}

/** The same results as a Markdown table, and below it the image files that were left out. */
export function markdownTable(results: readonly RunResult[], failed: readonly FailedRun[] = []): string {
  const { header, rows } = resultTable(results, failed);
  const safe = [header, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = columnWidths(safe);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = [], ...body] = safe.map((cells) => align(cells, widths));
  const notes = badFilesInWords(results).map((note) => `\n${note}\n`);
  return [line(head), line(rule), ...body.map(line), ...notes].join('');
}

/** 0.8123 → `81.23 %`. */
export function formatAccuracy(accuracy: number): string {
  return `${(accuracy * 100).toFixed(2)} %`;
}

/** `78.40 %`, or `78.40 ± 0.35 %` over several seeds. */
function formatSpread({ mean, deviation }: Spread): string {
  if (deviation === undefined) return formatAccuracy(mean);
  return `${(mean * 100).toFixed(2)} ± ${(deviation * 100).toFixed(2)} %`;
}

/** A difference of accuracies in points: −0.011 → `−1.10`. */
function formatPoints(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(2);
  if (Number(points) === 0) return points;
  return `${difference < 0 ? '−' : '+'}${points}`;
}

/** In megabytes of 10⁶ bytes. */
export function formatBytes(bytes: number): string {
  const megabytes = bytes / 1e6;
  return `${megabytes < 99.95 ? megabytes.toFixed(1) : megabytes.toFixed(0)} MB`;
}

/** `1 core`, `2 cores`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Images a second. */
export function formatRate(rate: number): string {
  return rate < 99.95 ? rate.toFixed(1) : rate.toFixed(0);
}

/** 3.2 → `3.2 s`; from a minute on a clock. */
export function formatSeconds(seconds: number): string {
  return seconds < 59.95 ? `${seconds.toFixed(1)} s` : formatClock(seconds);
}

/** 3.2 → `0:03`, 75 → `1:15`, 3675 → `1:01:15`. */
export function formatClock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function columnWidths(lines: readonly (readonly string[])[]): number[] {
  return (lines[0] ?? []).map((_, i) => Math.max(3, ...lines.map((cells) => [...(cells[i] ?? '')].length)));
}

function align(cells: readonly string[], widths: readonly number[]): string[] {
  return cells.map((cell, i) => {
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - [...cell].length));
    return i === 0 ? cell + space : space + cell;
  });
}
