import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream } from '../../../src/core/random.js';
import { pickleOf } from '../../formats/pickle-writer.js';

export type CifarName = 'cifar10' | 'cifar100';

export const CIFAR10_CLASSES = [
  ...['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
];
const CIFAR100_CLASSES = Array.from({ length: 100 }, (_, i) => `thing_${i}`);

/** Images in a file, and so in the set. */
export const PER_FILE = 2;

/** What one file holds: made-up images as planes, their labels and, for CIFAR-100, their coarse ones. */
export interface CifarFile {
  readonly labels: readonly number[];
  readonly coarse: readonly number[];
  readonly planes: readonly Uint8Array[];
}

/** Six files of CIFAR-10 or two of CIFAR-100, the test file last. */
export function cifarFiles(name: CifarName): CifarFile[] {
  const random = randomStream(3, name);
  return Array.from({ length: name === 'cifar10' ? 6 : 2 }, () => ({
    labels: Array.from({ length: PER_FILE }, () => random.below(name === 'cifar10' ? 10 : 100)),
    coarse: Array.from({ length: PER_FILE }, () => random.below(20)),
    planes: Array.from({ length: PER_FILE }, () =>
      Uint8Array.from({ length: 3072 }, () => random.below(256)),
    ),
  }));
}

export const cifarCounts = (name: CifarName): { train: number; test: number } => ({
  train: (name === 'cifar10' ? 5 : 1) * PER_FILE,
  test: PER_FILE,
});

/** The pixels of one image, from the definition. */
export function pixelsOf(planes: Uint8Array): number[] {
  return Array.from({ length: 3072 }, (_, i) => planes[(i % 3) * 1024 + Math.floor(i / 3)]!);
}

/** Writes the binary version and returns its folder. */
export function writeCifarBinary(dir: string, name: CifarName): string {
  const folder = join(dir, name === 'cifar10' ? 'cifar-10-batches-bin' : 'cifar-100-binary');
  mkdirSync(folder, { recursive: true });
  for (const [n, file] of cifarFiles(name).entries()) {
    const records = file.planes.map((planes, i) => {
      const labels = name === 'cifar10' ? [file.labels[i]!] : [file.coarse[i]!, file.labels[i]!];
      return Buffer.concat([Buffer.from(labels), planes]);
    });
    writeFileSync(join(folder, `${fileName(name, n)}.bin`), Buffer.concat(records));
  }
  if (name === 'cifar10') {
    writeFileSync(join(folder, 'batches.meta.txt'), `${CIFAR10_CLASSES.join('\n')}\n\n`);
  } else {
    writeFileSync(join(folder, 'fine_label_names.txt'), `${CIFAR100_CLASSES.join('\n')}\n`);
  }
  return folder;
}

/** Writes the python version and returns its folder. */
export function writeCifarPython(dir: string, name: CifarName): string {
  const folder = join(dir, name === 'cifar10' ? 'cifar-10-batches-py' : 'cifar-100-python');
  mkdirSync(folder, { recursive: true });
  for (const [n, file] of cifarFiles(name).entries()) {
    writeFileSync(join(folder, fileName(name, n)), pickleOf(cifarBatch(name, file)));
  }
  writeFileSync(
    join(folder, name === 'cifar10' ? 'batches.meta' : 'meta'),
    pickleOf(
      name === 'cifar10'
        ? { num_cases_per_batch: 10_000, label_names: CIFAR10_CLASSES, num_vis: 3072 }
        : { fine_label_names: CIFAR100_CLASSES, coarse_label_names: ['a', 'b'] },
    ),
  );
  return folder;
}

/** The dictionary that a batch is. */
export function cifarBatch(name: CifarName, file: CifarFile): Parameters<typeof pickleOf>[0] & object {
  const filenames = file.labels.map((_, i) => `picture_s_${i}.png`);
  const content = Buffer.concat(file.planes);
  const data = { rows: file.labels.length, columns: 3072, content };
  return name === 'cifar10'
    ? { batch_label: 'training batch 1 of 5', labels: file.labels, data, filenames }
    : {
        filenames,
        batch_label: 'training batch 1 of 1',
        fine_labels: file.labels,
        coarse_labels: file.coarse,
        data,
      };
}

function fileName(name: CifarName, n: number): string {
  if (name === 'cifar100') return n === 0 ? 'train' : 'test';
  return n < 5 ? `data_batch_${n + 1}` : 'test_batch';
}
