import { join } from 'node:path';
import { writeProbe } from '../../src/study/probe-file.js';
import { writeSimilarity } from '../../src/study/similarity-file.js';
import { epochsOf, writeRun } from './folders.js';

export const hostile = [
  '<script>window.harmed = 1</script>',
  `</style><img src=x onerror='window.harmed = 1'>`,
  `"]]>--></svg></title><b>&amp;\u202e${'w'.repeat(20)}`,
];

/** Writes runs of every kind there is: finished, failed, going on, of several seeds, of 60 updates, with bad numbers. */
export function writeSample(folder: string): void {
  const write = (name: string, run: Parameters<typeof writeRun>[1]): string =>
    writeRun(join(folder, name), run);
  for (const seed of [1, 2, 3])
    write(`bp ${seed}`, { label: hostile[0]!, seed, epochs: epochsOf([0.3, 0.5, 0.6 + seed / 50]) });
  const updates = Array.from({ length: 60 }, (_, i) => (i === 59 ? 'head' : `block ${i + 1}`));
  const each = (value: (k: number) => number): Record<string, number> =>
    Object.fromEntries(updates.map((name, k) => [name, value(k)]));
  write('many', {
    label: hostile[1]!,
    method: 'auglocal',
    updates,
    epochs: epochsOf([0.2, 0.4, 0.55], (epoch) => ({
      evaluationLoss: epoch === 2 ? Number.NaN : 1e4 / epoch,
      peakMemoryBytes: 1.5e8,
      updateLosses: each((k) => 2 - k / 60 - epoch / 10),
      updateAccuracies: each((k) => 0.2 + k / 100),
      updatePeakBytes: each((k) => 1.5e8 - 1e6 * k),
    })),
  });
  const probed = join(folder, 'bp 1');
  const identity = { label: hostile[0]!, method: 'bp', network: hostile[1]!, engine: 'torch' as const };
  const counts = { trainImages: 100, testImages: 50, seed: 1, evaluatedOn: 'test' as const };
  writeProbe(probed, {
    ...{ ...identity, ...counts, networkAccuracy: 0.625 },
    units: [0.25, 0.5, 0.625].map((accuracy, i) => ({
      ...{ name: i === 1 ? hostile[0]! : `unit ${i}`, features: 16 },
      ...{ accuracy, trainAccuracy: accuracy },
    })),
  });
  writeSimilarity(probed, 'many', {
    a: { folder: hostile[2]!, label: hostile[0]!, network: 'resnet-8' },
    b: { folder: 'many', label: hostile[1]!, network: 'resnet-8' },
    unitsA: ['stem', hostile[2]!],
    unitsB: ['stem', 'layer1.0', 'layer2.0'],
    similarity: [
      [1, 0.5, null],
      [0.25, 0.75, -0.01],
    ],
    ...{ evaluatedOn: 'test', images: 50, batchSize: 10, seed: 1, engine: 'torch' },
  });
  write('failed', {
    label: hostile[2]!,
    method: 'man',
    status: 'failed',
    error: 'the loss of <b>block 1</b> is no number',
    epochs: epochsOf([0.1], () => ({ evaluationLoss: Number.POSITIVE_INFINITY })),
  });
  write('going on', { label: 'hpff', method: 'hpff', status: 'open', epochs: epochsOf([0.25, 0.35]) });
  write('begun', { label: 'predsim', method: 'predsim', status: 'open' });
}
