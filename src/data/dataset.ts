/** Images of one split, uint8 until the engine. Readers make one with `emptySplit`. */
export interface Split {
  readonly size: number;
  /** `[size, height, width, channels]`, row-major, over shared memory so that workers read it without a copy. */
  readonly images: Uint8Array;
  /** Class indices, `[size]`. */
  readonly labels: Uint8Array;
}

/** How training images are varied; every sample draws from a stream of its own. */
export interface Augmentation {
  /** Pixels added at each border before a random crop back to the image's size. 0 for none. */
  readonly pad: number;
  readonly padMode: 'reflect' | 'zero';
  readonly flip: boolean;
}

export interface Dataset {
  readonly name: string;
  readonly classes: readonly string[];
  /** `[height, width, channels]`. */
  readonly imageShape: readonly [number, number, number];
  /** Per channel, of pixel values scaled to 0…1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: Split;
  readonly test: Split;
  /** The papers' augmentation for this data set. */
  readonly augmentation: Augmentation;
}

/** One batch as the loader hands it over. */
export interface ImageBatch {
  readonly size: number;
  /** `[size, height, width, channels]`, uint8. */
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}
