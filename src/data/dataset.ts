import type { DataIdentity } from './identity.js';
import type { PackedBytes, PathList } from './files/path-list.js';

/** Values of images: bytes, or floating-point numbers, which are used as they are. */
export type PixelValues = Uint8Array | Float32Array;

/** Images of one split, or where they are. */
export type Split = MemorySplit | FileSplit;

/**
 * Images of one size, held whole; bytes stay bytes until the engine. Readers make one of bytes with `emptySplit`,
 * `datasetFromArrays` those of floating-point numbers.
 */
export interface MemorySplit {
  readonly kind: 'memory';
  readonly size: number;
  /** `[size, height, width, channels]`, row-major, over shared memory so that workers read it without a copy. */
  readonly images: PixelValues;
  /** Class indices, `[size]`. */
  readonly labels: Uint16Array;
  /** SHA-256 of the images' values, where they are what the split is known by. */
  readonly sha256?: string;
}

/** Images of one size, as bytes. */
export interface ByteSplit extends MemorySplit {
  readonly images: Uint8Array;
}

/** Image files of any size, decoded when a batch needs them. */
export interface FileSplit {
  readonly kind: 'files';
  readonly size: number;
  readonly paths: PathList;
  /** What the files hold, where they are in memory already; paths then are names, for messages. */
  readonly contents?: PackedBytes;
  /** Class indices, `[size]`. */
  readonly labels: Uint16Array;
}

/** Zeros or a mirror image at each border, then a random crop back to the image's size. */
export interface PaddedCrop {
  readonly kind: 'padded';
  /** Pixels at each border; 0 for none. */
  readonly pad: number;
  readonly padMode: 'reflect' | 'zero';
}

/** A random part of the image, resized to the data set's image shape (Szegedy et al. 2015). */
export interface ResizedCrop {
  readonly kind: 'resized';
  /** Least and greatest share of the image's area. */
  readonly scale: readonly [number, number];
  /** Least and greatest width over height, drawn evenly by its logarithm. */
  readonly ratio: readonly [number, number];
}

/** Changes of colour by random factors, in a random order (torchvision's ColorJitter). 0 leaves that one out. */
export interface ColorJitter {
  /** A factor b is drawn from 1 − b … 1 + b, from 0 up. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Turns of the colour circle, drawn from −hue … hue; at most 0.5. */
  readonly hue: number;
}

/** So many operations an image, drawn from fourteen, all of one strength (Cubuk et al. 2020). */
export interface RandAugment {
  readonly operations: number;
  /** 0…30, of what each operation does at most. */
  readonly magnitude: number;
}

/** A square of the data set's mean colour, its centre anywhere in the image (DeVries & Taylor 2017). */
export interface Cutout {
  /** Of the square's side, in pixels of the image as the network gets it. */
  readonly size: number;
}

/** How training images are varied, in this order; every sample draws from a stream of its own. */
export interface Augmentation {
  readonly crop: PaddedCrop | ResizedCrop;
  /** Mirrored left to right, half of the time. */
  readonly flip: boolean;
  readonly colorJitter?: ColorJitter;
  readonly randAugment?: RandAugment;
  readonly cutout?: Cutout;
}

/** Red, green and blue, 0…255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** What shows through the transparent parts of image files where a data set names nothing else. */
export const defaultBackground: Colour = [255, 255, 255];

/** What becomes of an image file that cannot be decoded: an error, or its batch goes without it. */
export type OnBadImage = 'fail' | 'skip';

/** Images and labels of a task, and what a network and its training have to know of them. */
export interface Dataset {
  readonly name: string;
  /** Their names; a label is an index here. */
  readonly classes: readonly string[];
  /** `[height, width, channels]`, of images as the network gets them. */
  readonly imageShape: readonly [number, number, number];
  /** Per channel, of bytes scaled to 0…1, of floating-point numbers as they are: images are normalised with it. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /**
   * Zero pixels that the reader adds at each border, which are not of the data set, nor in its published mean.
   * Default: 0.
   */
  readonly addedBorder?: number;
  readonly train: Split;
  readonly test: Split;
  /** What `test` really is: `validation` where accuracies on it must not be taken for test accuracies. Default: `test`. */
  readonly evaluatedOn?: 'test' | 'validation';
  /** The papers' augmentation for this data set, or what a config has put in its place. */
  readonly augmentation: Augmentation;
  /** Default: `fail`. */
  readonly onBadImage?: OnBadImage;
  /** Behind the transparent parts of image files; default: white. */
  readonly background?: Colour;
  /** What a person should know of how its files were taken, a line each. */
  readonly notes?: readonly string[];
  /** For the log: the folder it was read from, where it comes in several forms. */
  readonly source?: string;
  /** What it is, wherever it lies, before any of it was selected or held out; undefined if it was put together by hand. */
  readonly identity?: DataIdentity;
}

/** An image file that could not be decoded, or whose batch was left out because all others in it could not be. */
export interface BadImage {
  /** In the split. */
  readonly index: number;
  readonly path: string;
  /** What is wrong with it, a part of a sentence. */
  readonly reason: string;
  /** That it can be decoded, but all others of its batch cannot. */
  readonly alone?: true;
}

/** One batch as the loader hands it over. */
export interface ImageBatch {
  /** Images in the batch; 0 where all were bad. */
  readonly size: number;
  /** `[size, height, width, channels]`, of the kind that the split's are; of image files bytes. */
  readonly images: PixelValues;
  readonly labels: Uint16Array;
  /** Images that would be in the batch if they could be decoded. */
  readonly skipped: readonly BadImage[];
}
