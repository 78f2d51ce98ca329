import { join, parse } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { FileImages } from './file-images.js';
import { checkClassCount, FileSplitBuilder } from './file-split-builder.js';
import { finishSplits } from './finish-splits.js';
import { readSynsetNames } from './imagenet-names.js';
import { IMAGENET_CLASSES } from './imagenet-synsets.js';
import { readGroundTruth } from './imagenet-truth.js';
import { isFolder } from './info-files.js';
import { classFolders, foldersAmong, isImage, listFolder, scanClasses, type ScanProgress } from './scan.js';
import { missingAt, shown } from '../../core/shown.js';
import { systemFolderNotes } from './system-folders.js';

const HELP =
  'get ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz from https://image-net.org/download (it takes a registration) and lay them out as datasets/README.md says, "ImageNet"';

/** Sizes of so many files of a split tell ImageNet from copies of it that were made smaller. */
const MOST_LOOKS = 10_000;

const WNID = /^n\d{8}$/;

export interface ImagenetRequest {
  readonly dir: string;
  /** Whether the validation images are wanted; else a share of the training images will be held out. */
  readonly withTest: boolean;
}

/**
 * ImageNet, ILSVRC-2012 (Russakovsky et al. 2015): `train/<wnid>/*.JPEG` and `val/<wnid>/*.JPEG`, or `val/*.JPEG` with
 * the ground truth of the devkit or of Kaggle, in `dir` or in Kaggle's `dir/ILSVRC/Data/CLS-LOC`. Classes are in the
 * order of their wnids, as torchvision's. A training folder with fewer classes is taken as it is.
 * @throws UserError if folders are missing, unreadable or empty, training and validation classes differ, or the ground
 *   truth does not fit the images
 */
export async function scanImagenet(
  { dir, withTest }: ImagenetRequest,
  progress?: ScanProgress,
): Promise<FileImages> {
  const { root, wnids } = await findClasses(dir);
  const trainFolder = join(root, 'train');
  const labels = new Map(wnids.map((wnid, label) => [wnid, label]));
  const train = new FileSplitBuilder();
  await scanClasses(trainFolder, wnids, (wnid) => labels.get(wnid)!, train, progress);
  const classes = await readSynsetNames(infoFolders(dir), wnids);
  // Names of classes are those of whatever list is there; the folders' are always the same.
  if (!withTest) {
    const splits = await finishSplits(wnids, { train }, progress, MOST_LOOKS);
    return { classes, ...splits, evaluatedOn: 'validation', notes: await systemFolderNotes([trainFolder]) };
  }
  const test = new FileSplitBuilder();
  await scanValidation(dir, root, wnids, labels, test, (images) => progress?.(train.size + images));
  const splits = await finishSplits(wnids, { train, test }, progress, MOST_LOOKS);
  const notes = await systemFolderNotes([trainFolder, join(root, 'val')]);
  return { classes, ...splits, evaluatedOn: 'validation', notes };
}

/** The number of classes: of the training folders, where they are there, else the official one. */
export async function countImagenetClasses(dir: string): Promise<number> {
  const there = (await findRoot(dir)) !== undefined;
  return there ? (await findClasses(dir)).wnids.length : IMAGENET_CLASSES;
}

async function findClasses(dir: string): Promise<{ root: string; wnids: string[] }> {
  const root = await findRoot(dir);
  if (root === undefined) throw new UserError(`${missingAt(join(dir, 'train'))}: ${HELP}`);
  const folder = join(root, 'train');
  const packed = (await listFolder(folder, HELP)).find(({ name }) => /^n\d{8}\.tar$/.test(name));
  if (packed) {
    throw new UserError(
      `${shown(join(folder, packed.name))}: still packed: unpack each class's archive into a folder of its name, then remove it`,
    );
  }
  const wnids = await classFolders(folder, HELP);
  checkWnids(folder, wnids);
  checkClassCount(shown(folder), wnids.length, 'folders');
  return { root, wnids };
}

function checkWnids(folder: string, names: readonly string[]): void {
  const wrong = names.find((name) => !WNID.test(name));
  if (wrong === undefined) return;
  throw new UserError(
    `${shown(join(folder, wrong))}: expected folders named as n01440764, a WordNet ID; for other classes there is the data set "folder"`,
  );
}

/** The folder with `train` in it; undefined if there is none. */
async function findRoot(dir: string): Promise<string | undefined> {
  for (const root of [dir, join(dir, 'ILSVRC', 'Data', 'CLS-LOC')]) {
    if (await isFolder(join(root, 'train'))) return root;
  }
  return undefined;
}

/** Where devkit and Kaggle's lists may lie. */
function infoFolders(dir: string): string[] {
  return [dir, join(dir, 'ILSVRC2012_devkit_t12', 'data'), join(dir, 'devkit', 'data')];
}

async function scanValidation(
  dir: string,
  root: string,
  wnids: readonly string[],
  labels: ReadonlyMap<string, number>,
  into: FileSplitBuilder,
  progress: ScanProgress,
): Promise<void> {
  const folder = join(root, 'val');
  const entries = await listFolder(folder, HELP);
  const images = entries.filter((entry) => isImage(folder, entry)).map(({ name }) => name);
  const folders = await foldersAmong(folder, entries);
  if (folders.length === 0) {
    if (images.length === 0) throw new UserError(`${shown(folder)}: no images: ${HELP}`);
    await addFlat(dir, folder, images, labels, into);
    progress(into.size);
    return;
  }
  if (images.length > 0) {
    throw new UserError(
      `${shown(join(folder, images[0]!))}: an image beside class folders: expected either all images in folders or none`,
    );
  }
  checkWnids(folder, folders);
  const unknown = folders.find((wnid) => !labels.has(wnid));
  if (unknown !== undefined) {
    throw new UserError(`${shown(join(folder, unknown))}: a class that ${shown(root)}/train does not have`);
  }
  const missing = wnids.find((wnid) => !folders.includes(wnid));
  if (missing !== undefined) {
    throw new UserError(`${shown(join(folder, missing))} is missing: ${shown(root)}/train has that class`);
  }
  await scanClasses(folder, folders, (wnid) => labels.get(wnid)!, into, progress);
}

/** Images that are all in one folder, each with the class that the ground truth says. */
async function addFlat(
  dir: string,
  folder: string,
  images: readonly string[],
  labels: ReadonlyMap<string, number>,
  into: FileSplitBuilder,
): Promise<void> {
  const truth = await readGroundTruth(infoFolders(dir), shown(folder));
  const left = new Map(truth.wnids);
  for (const image of images) {
    const path = join(folder, image);
    const id = parse(image).name;
    const wnid = left.get(id);
    if (wnid === undefined) {
      const why = truth.wnids.has(id) ? 'is there twice' : `is not in ${shown(truth.file)}`;
      throw new UserError(`${shown(path)}: ${shown(id)} ${why}`);
    }
    const label = labels.get(wnid);
    if (label === undefined) {
      throw new UserError(
        `${shown(truth.file)}: ${shown(id)} is of the class ${wnid}, which has no training folder`,
      );
    }
    left.delete(id);
    into.add(path, label, image);
  }
  for (const id of left.keys()) {
    throw new UserError(
      `${shown(join(folder, id))}.JPEG is missing: ${shown(truth.file)} has ${truth.wnids.size} images, here are ${images.length}; unpack them anew`,
    );
  }
}
