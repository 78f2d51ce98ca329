import type { ByteSplit } from '../dataset.js';

/** Images of each split; the official numbers but in tests. */
export interface CifarCounts {
  readonly train: number;
  readonly test: number;
}

/** How one of the two sets is laid out. */
export interface CifarLayout {
  readonly classCount: number;
  readonly binary: {
    readonly folder: string;
    readonly train: readonly string[];
    readonly test: string;
    /** Class names, one a line. */
    readonly names: string;
    /** For each label byte of a record, how many labels there are; the last is the class. */
    readonly labels: readonly number[];
  };
  readonly python: {
    readonly folder: string;
    readonly train: readonly string[];
    readonly test: string;
    readonly meta: string;
    /** Keys of the class names and of the classes. */
    readonly namesKey: string;
    readonly labelsKey: string;
  };
}

const BATCHES = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}`);

export const CIFAR10: CifarLayout = {
  classCount: 10,
  binary: {
    folder: 'cifar-10-batches-bin',
    train: BATCHES.map((name) => `${name}.bin`),
    test: 'test_batch.bin',
    names: 'batches.meta.txt',
    labels: [10],
  },
  python: {
    folder: 'cifar-10-batches-py',
    train: BATCHES,
    test: 'test_batch',
    meta: 'batches.meta',
    namesKey: 'label_names',
    labelsKey: 'labels',
  },
};

export const CIFAR100: CifarLayout = {
  classCount: 100,
  binary: {
    folder: 'cifar-100-binary',
    train: ['train.bin'],
    test: 'test.bin',
    names: 'fine_label_names.txt',
    labels: [20, 100],
  },
  python: {
    folder: 'cifar-100-python',
    train: ['train'],
    test: 'test',
    meta: 'meta',
    namesKey: 'fine_label_names',
    labelsKey: 'fine_labels',
  },
};

/** What is read of a set. */
export interface CifarContent {
  readonly classes: readonly string[];
  readonly train: ByteSplit;
  readonly test: ByteSplit;
}
