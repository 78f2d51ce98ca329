import { defineChoice, type Choice } from '../core/choice.js';
import type { Dataset, Split } from './dataset.js';
import type { ScanProgress } from './files/scan.js';

/** A data set as it was read; `test` may be missing where it was not asked for. */
export type SourceData = Omit<Dataset, 'test'> & { readonly test: Split | undefined };

/** What a network has to know of a data set. */
export interface DatasetShape {
  readonly classes: number;
  /** `[height, width, channels]`, of images as the network gets them. */
  readonly imageShape: Dataset['imageShape'];
}

/** What is asked of a data set when it is read. */
export interface ReadRequest {
  /** Whether images to evaluate on are wanted; else a share of the training images is held out in their place. */
  readonly withTest: boolean;
  /** Called now and then while many files are looked for. */
  readonly progress?: ScanProgress | undefined;
}

/** Where a data set's images come from; what a config's `data` section names. */
export interface DatasetSource {
  /** Reads it whole, of image files only the paths. Throws a UserError for what is missing or wrong. */
  read(request: ReadRequest): SourceData | Promise<SourceData>;
  /** Without reading the images, where that can be told. Default: as `read` has it. */
  describe?(): DatasetShape | Promise<DatasetShape>;
  /** Whether its files are there, by their names and sizes alone. Default: it needs none. */
  isPresent?(): boolean | Promise<boolean>;
  /** Images of each split where they are known before anything is read. Default: they are not. */
  counts?(): { readonly train: number; readonly test: number };
  /** The manifest that its files are described by, and the folder they lie in; only of data sets that have one. */
  readonly files?: { readonly manifest: string; readonly dir: string };
}

/** A data set by name: its options, and what finds its images. */
export type DatasetKind = Choice<DatasetSource>;

/**
 * A data set that a config can name: `data: { name: …, … }`. Beside its own options it has those of every data set:
 * `trainImages`, `testImages`, `validation`, `augmentation`, `onBadImage`. Returns its argument.
 */
export const defineDataset = defineChoice<DatasetSource>();
