import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../core/errors.js';
import { isMissing } from '../../core/read.js';
import type { FileSplitBuilder } from './file-split-builder.js';
import { missingAt, shown } from '../../core/shown.js';
import { composed } from './spelling.js';
import { isSystemName } from './system-folders.js';

/** Called now and then with the number of images found so far. */
export type ScanProgress = (images: number) => void;

/** What sharp's own build decodes; a file's content decides, not its name. */
const DECODABLE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif)$/i;
/** Images that would be missing without a word if they were passed over as what they are not. */
const UNDECODABLE = /\.(bmp|heic|heif|jp2|jxl|pbm|pgm|pnm|ppm|tga)$/i;
const KINDS = 'jpg, png, webp, gif, tiff, avif';

/** Folders in a class folder, within one another; more is a link that leads back. */
const DEEPEST = 16;
/** Class folders read at a time. */
const AT_ONCE = 16;

/**
 * What lies in a folder, in the order of the names' code units, whatever the file system's; hidden entries and what
 * systems and tools keep for themselves left out.
 */
export async function listFolder(path: string, help: string): Promise<Dirent[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) throw new UserError(`${missingAt(path)} or no folder: ${help}`);
    throw new UserError(`cannot read the folder ${shown(path)}: ${shown(messageOf(error))}`);
  }
  const visible = entries.filter(({ name }) => !isSystemName(name));
  const broken = visible.find(({ name }) => name.includes('\uFFFD'));
  if (broken) throw new UserError(`${shown(join(path, broken.name))}: the name is not UTF-8: rename it`);
  return visible.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The folders among the entries of `parent`, and the links to folders, by name. */
export async function foldersAmong(parent: string, entries: readonly Dirent[]): Promise<string[]> {
  const names: string[] = [];
  for (const entry of entries) {
    if (await leadsToFolder(parent, entry)) names.push(entry.name);
  }
  return names;
}

/**
 * The names of the class folders of a split, in the order of the classes' names. Two of one class, its name in two
 * spellings, follow on one another.
 * @throws UserError if the folder cannot be read, or images lie in it that are in no class folder
 */
export async function classFolders(folder: string, help: string): Promise<string[]> {
  const entries = await listFolder(folder, help);
  const loose = entries.find((entry) => isImage(folder, entry));
  if (loose) {
    throw new UserError(
      `${shown(join(folder, loose.name))}: an image in no class folder: move it into the folder of its class, ${shown(folder)}/<class>`,
    );
  }
  const folders = (await foldersAmong(folder, entries)).map((name) => ({ name, class: composed(name) }));
  // Those of one class stay in the order of the listing.
  folders.sort((a, b) => (a.class === b.class ? 0 : a.class < b.class ? -1 : 1));
  return folders.map(({ name }) => name);
}

/**
 * Adds the images of `<folder>/<class>` for every class, in the order of the classes, then of the paths. Names are
 * read, never the images; other files are passed over. Links may stand for folders and images.
 * @param label the label of a class
 * @throws UserError if a folder cannot be read, a class has no images, or an image is of a kind that cannot be decoded
 */
export async function scanClasses(
  folder: string,
  classes: readonly string[],
  label: (name: string) => number,
  into: FileSplitBuilder,
  progress?: ScanProgress,
): Promise<void> {
  for (let first = 0; first < classes.length; first += AT_ONCE) {
    const names = classes.slice(first, first + AT_ONCE);
    const found = await Promise.all(names.map((name) => imagesOf(join(folder, name))));
    for (const [i, name] of names.entries()) {
      for (const image of found[i]!) into.add(join(folder, name, image), label(name), join(name, image));
    }
    progress?.(into.size);
  }
}

/** Whether an entry of `folder` is to be taken for an image. A link is believed by its name. */
export function isImage(folder: string, entry: Dirent): boolean {
  if (!entry.isFile() && !entry.isSymbolicLink()) return false;
  if (UNDECODABLE.test(entry.name)) {
    throw new UserError(
      `${shown(join(folder, entry.name))}: cannot be decoded, only ${KINDS} can: convert it, or move it away`,
    );
  }
  return DECODABLE.test(entry.name);
}

/** A class's images, as paths within its folder. */
async function imagesOf(folder: string): Promise<string[]> {
  const images: string[] = [];
  const others = await collect(folder, '', 0, images);
  if (images.length === 0) {
    throw new UserError(
      `${shown(folder)}: an empty class, no images (${KINDS}) among ${others} other files: fill or remove the folder`,
    );
  }
  return images.sort();
}

/**
 * Every image in a folder and the folders below it, as sorted paths within it.
 *
 * @throws UserError if a folder cannot be read, or an image is of a kind that cannot be decoded
 */
export async function imagesBelow(folder: string): Promise<string[]> {
  const images: string[] = [];
  await collect(folder, '', 0, images);
  return images.sort();
}

/** Returns the number of files that are no images. */
async function collect(folder: string, below: string, depth: number, images: string[]): Promise<number> {
  const path = join(folder, below);
  if (depth > DEEPEST) {
    throw new UserError(
      `${shown(folder)}: folders more than ${DEEPEST} deep: does a link lead back to itself?`,
    );
  }
  let others = 0;
  for (const entry of await listFolder(path, 'it was there a moment ago')) {
    if (isImage(path, entry)) images.push(join(below, entry.name));
    else if (await leadsToFolder(path, entry)) {
      others += await collect(folder, join(below, entry.name), depth + 1, images);
    } else others++;
  }
  return others;
}

async function leadsToFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const path = join(parent, entry.name);
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) throw new UserError(`${shown(path)}: a link to nothing: mend or remove it`);
    throw new UserError(`cannot read ${shown(path)}: ${shown(messageOf(error))}`);
  }
}
