import { createHash } from 'node:crypto';
import { z } from 'zod';
import { bytesOf } from '../core/bytes.js';
import { sha256Schema } from '../core/sha256.js';

const splitSchema = z.object({
  /** Of each class, in the classes' order. */
  images: z.array(z.int().min(0)),
  /** SHA-256 of the class indices, in the images' order. */
  labels: sha256Schema,
  /** SHA-256 of the images' values, of images that were arrays. */
  values: sha256Schema.exactOptional(),
  /** Of images that are files. */
  files: z
    .object({
      /** SHA-256 of the names that the set knows its files by, whatever its path, in their order. */
      names: sha256Schema,
      /** SHA-256 of the sizes of the files that were looked at, in their order. */
      sizes: sha256Schema,
      /** Bytes of those, of each class. */
      bytes: z.array(z.int().min(0)),
    })
    .exactOptional(),
});

/**
 * What a data set is, wherever it lies: its classes, and of each split that is read, whole, how many images each class
 * has, the labels, for arrays their values, and for image files names and sizes. The content of files is not read: another
 * picture of the same name and size is not noticed, nor are other pixels in the files of an official set, which have a fixed size and their checksums in
 * `locallearn data verify`.
 */
export const dataIdentitySchema = z.object({
  classes: z.array(z.string()),
  /** How images are read, of sets whose images tell no files. */
  reading: z
    .object({ imageShape: z.array(z.int()), mean: z.array(z.number()), std: z.array(z.number()) })
    .exactOptional(),
  train: splitSchema,
  /** Undefined where training images are held out in its place. */
  test: splitSchema.exactOptional(),
});

/** What a data set is, wherever it lies: classes, labels, values of arrays, and names and sizes of image files, without their content. */
export type DataIdentity = z.infer<typeof dataIdentitySchema>;
export type SplitIdentity = z.infer<typeof splitSchema>;

/** Of a data set; of one that was put together by hand what its splits tell, without names and sizes. */
export function identityOf(dataset: WithIdentity): DataIdentity {
  const { identity, classes, imageShape, mean, std, train, test } = dataset;
  if (identity !== undefined) return identity;
  const reading = { imageShape: [...imageShape], mean: [...mean], std: [...std] };
  const own = { classes: [...classes], reading, train: splitIdentity(train, classes.length) };
  return test === undefined ? own : { ...own, test: splitIdentity(test, classes.length) };
}

/** What of a split tells its identity: class indices, `[size]`, and of arrays the digest of their values. */
type Labelled = { readonly labels: Uint16Array; readonly sha256?: string };

/** What of a data set tells its identity. */
interface WithIdentity {
  readonly identity?: DataIdentity;
  readonly classes: readonly string[];
  readonly imageShape: readonly number[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: Labelled;
  readonly test: Labelled | undefined;
}

/** @param files names as a digest, and the size of each file, 0 for those that were not looked at */
export function splitIdentity(
  { labels, sha256 }: Labelled,
  classes: number,
  files?: { readonly names: string; readonly sizes: Float64Array },
): SplitIdentity {
  const images = new Array<number>(classes).fill(0);
  for (const label of labels) images[label]!++;
  const identity = { images, labels: digest(labels), ...(sha256 !== undefined && { values: sha256 }) };
  if (files === undefined) return identity;
  const bytes = new Array<number>(classes).fill(0);
  labels.forEach((label, i) => (bytes[label]! += files.sizes[i]!));
  return { ...identity, files: { names: files.names, sizes: digest(files.sizes), bytes } };
}

/** SHA-256 of an array's bytes. */
export function digest(array: ArrayBufferView): string {
  return createHash('sha256').update(bytesOf(array)).digest('hex');
}
