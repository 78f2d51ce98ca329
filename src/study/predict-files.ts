import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../core/errors.js';
import { isMissing } from '../core/read.js';
import { missingAt, shown } from '../core/shown.js';
import type { FileSplit, PixelValues } from '../data/dataset.js';
import { packPaths } from '../data/files/path-list.js';
import { imagesBelow } from '../data/files/scan.js';
import { openLoader } from '../data/loader/loader.js';
import { refuseOtherValues } from '../runs/network-use.js';
import type { TrainedNetwork } from '../runs/trained-network.js';
import { likeliest, softmax } from './confusion.js';
import { logitsOf } from './logits.js';
import type { ProbeProgress } from './probe-units.js';

/** What a network says of an image file. */
export interface Prediction {
  readonly file: string;
  /** The likeliest classes, the likeliest first. */
  readonly classes: readonly { readonly name: string; readonly probability: number }[];
}

/** A file that cannot be decoded. */
export interface Undecodable {
  readonly file: string;
  /** A part of a sentence. */
  readonly reason: string;
}

export interface PredictOptions {
  /** How many classes to name for each image. */
  readonly top: number;
  /** Threads that decode. */
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ProbeProgress) => void) | undefined;
}

/**
 * Images among files and folders: files as they are given, of folders every image below, in the order of the names.
 *
 * @throws UserError if one is not there, or a folder has no image
 */
export async function imageFilesOf(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (!(await isFolder(path))) {
      files.push(path);
      continue;
    }
    const below = await imagesBelow(path);
    if (below.length === 0) throw new UserError(`${shown(path)}: no images in this folder`);
    files.push(...below.map((name) => join(path, name)));
  }
  return files;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) throw new UserError(missingAt(path));
    throw new UserError(`cannot read ${shown(path)}: ${shown(messageOf(error))}`);
  }
}

const batchSize = 64;

/** For images that no file can hold. */
const instead = ': predictImages takes arrays, from a program';

/**
 * What a trained network says of image files, which are read as those were that it was evaluated on: brought to its
 * size, the middle of them, normalised.
 *
 * @param files at least one
 * @yields for each file in their order what the network says, or why it cannot be decoded
 * @throws UserError if the network was trained on other values than image files hold, or its logits are not finite
 */
export async function* predictFiles(
  { network, use }: TrainedNetwork,
  files: readonly string[],
  { top, workers, signal, onProgress }: PredictOptions,
): AsyncGenerator<Prediction | Undecodable, void, undefined> {
  const { classes, imageShape, mean, reading } = use;
  refuseOtherValues(use, 'bytes', 'image files hold', instead);
  const border = reading?.border ?? 0;
  const [height, width, channels] = imageShape;
  if (channels !== 1 && channels !== 3) {
    throw new UserError(
      `the network was trained on images of ${channels} channels, and image files hold 1 or 3${instead}`,
    );
  }
  const inner = [height - 2 * border, width - 2 * border, channels] as const;
  const split: FileSplit = {
    kind: 'files',
    size: files.length,
    paths: packPaths(files),
    labels: new Uint16Array(files.length),
  };
  const crop =
    reading?.crop === 'resized'
      ? ({ kind: 'resized', scale: [1, 1], ratio: [1, 1] } as const)
      : ({ kind: 'padded', pad: 0, padMode: 'zero' } as const);
  const loader = openLoader(
    {
      imageShape: inner,
      mean,
      augmentation: { crop, flip: false },
      onBadImage: 'skip',
      ...(reading && { background: reading.background }),
    },
    split,
    { batchSize, seed: 0, shuffle: false, augment: false, dropLast: false, workers, prefetch: 2 },
  );
  let done = 0;
  try {
    for await (const batch of loader.batches(1)) {
      signal?.throwIfAborted();
      onProgress?.({ label: 'predicting', unit: 'images', done, total: files.length });
      const bad = new Map(batch.skipped.map(({ index, reason }) => [index, reason]));
      // Of a batch none of whose files can be decoded there is nothing to compute.
      const logits =
        batch.size === 0 ? [] : logitsOf(network, withBorder(batch.images, inner, border), imageShape, use);
      const rest = logits[Symbol.iterator]();
      for (const end = done + batch.size + bad.size; done < end; done++) {
        const file = files[done]!;
        const reason = bad.get(done);
        if (reason !== undefined) yield { file, reason };
        else yield { file, classes: named(classes, rest.next().value!, top) };
      }
    }
  } finally {
    await loader.close();
  }
}

/** The likeliest classes by their names, the likeliest first. */
export function named(classes: readonly string[], logits: Float32Array, top: number): Prediction['classes'] {
  const probabilities = softmax(logits);
  return likeliest(logits, top).map((label) => ({
    name: classes[label]!,
    probability: probabilities[label]!,
  }));
}

/** Images with zero pixels around them. */
export function withBorder(
  images: PixelValues,
  [height, width, channels]: readonly [number, number, number],
  border: number,
): PixelValues {
  if (border === 0) return images;
  const line = width * channels;
  const wide = (width + 2 * border) * channels;
  const count = images.length / (height * line);
  const length = count * (height + 2 * border) * wide;
  const result = images instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  for (let row = 0; row < count * height; row++) {
    const image = Math.floor(row / height);
    const y = image * (height + 2 * border) + border + (row % height);
    result.set(images.subarray(row * line, (row + 1) * line), y * wide + border * channels);
  }
  return result;
}
