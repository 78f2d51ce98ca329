import { mean } from '../core/stats.js';
import { textTable } from '../core/table.js';
import { formatAccuracy } from '../core/text.js';
import type { ProbeReport } from './probe-file.js';
import type { SimilarityReport } from './similarity-file.js';

/** A probe as people read it: a line a unit, and the network's own accuracy below. */
export function probeTable({
  units,
  networkAccuracy,
  trainImages,
  testImages,
  evaluatedOn,
}: ProbeReport): string {
  const table = textTable({
    header: ['after unit', 'features', `${evaluatedOn} accuracy`, 'train accuracy'],
    rows: [
      ...units.map(({ name, features, accuracy, trainAccuracy }) => [
        ...[name, String(features), formatAccuracy(accuracy), formatAccuracy(trainAccuracy)],
      ]),
      ['network', '', formatAccuracy(networkAccuracy), ''],
    ],
  });
  return `linear probes, fitted to ${trainImages} training images, on ${testImages} ${evaluatedOn} images\n\n${table}`;
}

/**
 * Similarities as people read them: for each unit of a the one of b at the same place, where the networks have as many,
 * and the most similar one.
 */
export function similarityTable(report: SimilarityReport): string {
  const { a, b, unitsA, unitsB, similarity, images } = report;
  const aligned = unitsA.length === unitsB.length;
  const rows = unitsA.map((name, i) => {
    const row = similarity[i]!;
    const best = row.reduce<number>((at, value, j) => ((value ?? -1) > (row[at] ?? -1) ? j : at), 0);
    return [
      name,
      ...(aligned ? [shown(row[i])] : []),
      row[best] === null ? '–' : `${unitsB[best]!} ${shown(row[best])}`,
    ];
  });
  const table = textTable({
    header: ['unit', ...(aligned ? ['same place'] : []), 'most similar'],
    rows: aligned ? [...rows, ['mean', shown(meanAtSamePlace(report)), '']] : rows,
  });
  return `linear CKA on ${images} images: ${a.label} (${a.folder}) beside ${b.label} (${b.folder})\n\n${table}`;
}

/** Over the units of two networks that have as many; undefined if none varies. */
function meanAtSamePlace({ similarity }: SimilarityReport): number | undefined {
  const values = similarity.flatMap((row, i) => row[i] ?? []);
  return values.length === 0 ? undefined : mean(values);
}

function shown(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(3);
}
