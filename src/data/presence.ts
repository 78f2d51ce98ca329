import { existsSync } from 'node:fs';
import { UserError } from '../core/errors.js';
import { readManifest } from './fetch/manifest.js';
import { verifyFiles } from './fetch/verify.js';
import { findPackage } from './kinds/fashion-mnist.js';
import type { DataOptions } from './options.js';

/** Whether the files of a data set are there, by their names and sizes alone; of folders and lists that they exist. */
export async function isPresent(options: DataOptions): Promise<boolean> {
  if (options.name === 'csv') return existsSync(options.file);
  const { name, dir } = options;
  if (dir === undefined) return isPackagePresent();
  if (!existsSync(dir)) return false;
  if (name === 'folder' || name === 'imagenet') return true;
  return (await verifyFiles(readManifest(name), dir, { checksums: false })).length === 0;
}

function isPackagePresent(): boolean {
  try {
    findPackage();
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** SVHN's `extra` images, which its manifest does not count. */
const extraImages = 531_131;

/**
 * How many images are trained and evaluated on in an epoch, from the official numbers; undefined for data sets of one's
 * own.
 */
export function imageCounts(options: DataOptions): { train: number; evaluated: number } | undefined {
  if (options.name === 'folder' || options.name === 'csv') return undefined;
  const { images } = readManifest(options.name);
  const all = images.train + (options.name === 'svhn' && options.extra ? extraImages : 0);
  const heldOut = options.validation === undefined ? undefined : Math.round(options.validation * all);
  return {
    train: options.trainImages ?? all - (heldOut ?? 0),
    evaluated: options.testImages ?? heldOut ?? images.test,
  };
}
