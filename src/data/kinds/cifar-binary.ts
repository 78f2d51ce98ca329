import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { ByteSplit } from '../dataset.js';
import { readExactly } from '../../core/read.js';
import { emptySplit } from '../split.js';
import type { CifarContent, CifarCounts, CifarLayout } from './cifar-layout.js';
import { readClassNames } from './class-names.js';
import { planesToPixels } from './planes.js';

const LAYOUT = { shape: [32, 32, 3], columns: false } as const;
const IMAGE_BYTES = 32 * 32 * 3;

/**
 * The binary version: records of a label (CIFAR-100: the coarse, then the fine one), then the red, the green and the
 * blue plane, row by row.
 * @throws UserError if a file is missing or of another size, or a label is out of range
 */
export async function readCifarBinary(
  folder: string,
  { classCount, binary }: CifarLayout,
  counts: CifarCounts,
  help: string,
): Promise<CifarContent> {
  return {
    classes: await readClassNames(join(folder, binary.names), classCount, help),
    train: await readSplit(folder, binary.train, counts.train, binary.labels, help),
    test: await readSplit(folder, [binary.test], counts.test, binary.labels, help),
  };
}

async function readSplit(
  folder: string,
  files: readonly string[],
  count: number,
  labels: readonly number[],
  help: string,
): Promise<ByteSplit> {
  const recordBytes = labels.length + IMAGE_BYTES;
  const perFile = count / files.length;
  const split = emptySplit(count, IMAGE_BYTES);
  let image = 0;
  for (const file of files) {
    const path = join(folder, file);
    const records = await readExactly(path, perFile * recordBytes, help);
    for (let i = 0; i < perFile; i++, image++) {
      const start = i * recordBytes;
      for (const [n, labelCount] of labels.entries()) {
        const label = records[start + n]!;
        if (label >= labelCount) {
          throw new UserError(
            `${path}: record ${i}: expected a label 0 to ${labelCount - 1}, found ${label}`,
          );
        }
        split.labels[image] = label;
      }
      planesToPixels(LAYOUT, records, start + labels.length, split.images, image * IMAGE_BYTES);
    }
  }
  return split;
}
