import { quote } from './metrics.js';
import type { Spread } from '../core/stats.js';
import type { Table } from '../core/table.js';
import { formatAccuracy, formatBytes, formatRate, formatSeconds } from '../core/text.js';
import { overSeeds } from './seeds.js';
import type { RunResult } from './summary.js';

/**
 * Results as people read them, those of several seeds as mean ± standard deviation; where BP is among them, accuracy and
 * memory are set against it.
 */
export function resultTable(results: readonly RunResult[]): Table {
  const methods = overSeeds(results);
  const bp = methods.find(({ method }) => method === 'bp');
  const several = methods.some(({ seeds }) => seeds.length > 1);
  const splits = [...new Set(results.map(({ evaluatedOn = 'test' }) => evaluatedOn))].join('/');
  const meters = [...new Set(results.map(({ memoryMeter }) => memoryMeter))].join(', ');
  return {
    header: [
      ...['method', 'blocks', ...(several ? ['seeds'] : []), `${splits} accuracy`, ...(bp ? ['− BP'] : [])],
      ...[`peak memory (${meters})`, ...(bp ? ['× BP'] : []), 'images/s', 'time'],
    ],
    rows: methods.map(({ label, blocks, seeds, accuracy, peakMemoryBytes, imagesPerSecond, seconds }) => [
      ...[label, String(blocks), ...(several ? [String(seeds.length)] : [])],
      ...[formatSpread(accuracy), ...(bp ? [formatPoints(accuracy.mean - bp.accuracy.mean)] : [])],
      formatBytes(peakMemoryBytes),
      ...(bp ? [(peakMemoryBytes / bp.peakMemoryBytes).toFixed(2)] : []),
      ...[formatRate(imagesPerSecond), formatSeconds(seconds)],
    ]),
  };
}

/** The same for programs: plain numbers, accuracies 0…1, one row a method. */
export function csvTable(results: readonly RunResult[]): string {
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
  }));
  const lines = [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))];
  return lines.map((cells) => `${cells.map(quote).join(',')}\n`).join('');
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
