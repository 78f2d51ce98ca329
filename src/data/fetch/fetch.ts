import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open, readdir, rename, statfs } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { UserError } from '../../core/errors.js';
import { takeLock } from '../../core/lock.js';
import { downloadFile, type Patience } from './download.js';
import { filesOf, partsOf, type Download, type Manifest, type ManifestFile } from './manifest.js';
import { unpackTarGz } from './unpack.js';
import { isThere, otherFormThere, problemsOf } from './verify.js';

export interface FetchOptions {
  /** Parts of the data set that are fetched only if asked for. */
  readonly parts?: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
  /** Takes lines for the user. */
  readonly onNote?: ((line: string) => void) | undefined;
  readonly patience?: Patience | undefined;
}

export interface FetchProgress {
  readonly doing: 'downloading' | 'checking' | 'unpacking';
  readonly file: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number | undefined;
}

/** Where a fetch keeps what is not in place yet: beside the data set's folder, so that a rename puts it there. */
export function stagingOf(dir: string): string {
  return `${targetOf(dir)}.fetch`;
}

/**
 * Downloads, checks and unpacks a data set into `<dir>.fetch` and then, when all of it is whole and on disk, moves it
 * to `dir` by one rename: at no moment is part of it there. What was downloaded before a failure or an end is kept and
 * gone on with by the next call. What is in `dir` already is checked and left as it is.
 * @returns whether anything had to be fetched
 * @throws UserError for what keeps it from being fetched, or is wrong with what is there
 */
export async function fetchDataset(
  manifest: Manifest,
  dir: string,
  options: FetchOptions = {},
): Promise<'fetched' | 'present'> {
  if (manifest.byHand !== undefined) throw new UserError(`${manifest.title}: ${manifest.byHand}`);
  const unknown = options.parts?.find((part) => !partsOf(manifest).includes(part));
  if (unknown !== undefined) {
    const known = partsOf(manifest).join(', ');
    throw new UserError(
      `${manifest.name} has no part "${unknown}"${known === '' ? '' : `: expected one of ${known}`}`,
    );
  }
  try {
    const target = targetOf(dir);
    const staging = stagingOf(dir);
    mkdirSync(staging, { recursive: true });
    const release = takeLock(join(staging, 'lock'), `${dir}: another process is fetching it`);
    try {
      return await fetchInto(manifest, { dir, target, staging }, options);
    } finally {
      removeIfEmpty(join(staging, 'files'));
      release();
      removeIfEmpty(staging);
    }
  } catch (error) {
    throw explained(error, dir);
  }
}

interface Folders {
  /** As the user named it. */
  readonly dir: string;
  readonly target: string;
  readonly staging: string;
}

async function fetchInto(
  manifest: Manifest,
  folders: Folders,
  options: FetchOptions,
): Promise<'fetched' | 'present'> {
  const { dir, target, staging } = folders;
  const { parts = [], signal, onProgress, onNote, patience } = options;
  const report = (doing: FetchProgress['doing'], file: string) => (done: number, total: number | undefined) =>
    onProgress?.({ doing, file, done, total });
  const otherForm = otherFormThere(manifest, target);
  if (otherForm) {
    await checkPresent(folders, otherForm, options);
    return 'present';
  }
  const missing: Download[] = [];
  for (const download of manifest.downloads) {
    if (download.part !== undefined && !parts.includes(download.part)) continue;
    if (isThere(target, filesOf(download))) await checkPresent(folders, filesOf(download), options);
    else missing.push(download);
  }
  if (missing.length === 0) return 'present';
  const places = placesOf(missing.flatMap(filesOf));
  // One rename puts a whole folder in place, or one more entry into it: several entries could be caught halfway.
  const isNew = !existsSync(target) || (places.length > 1 && isReplaceable(target));
  if (!isNew && places.length > 1) {
    throw new UserError(`${dir}: is not empty, or the current folder: choose a new one with --dir`);
  }
  // Files that are not unpacked come here at once, each whole or with a name of its own while it is not.
  const files = join(staging, 'files');
  mkdirSync(files, { recursive: true });
  const pathOf = ({ unpack, file }: Download): string => join(unpack ? staging : files, file);
  await checkSpace(folders, missing, pathOf);
  for (const download of missing) {
    const { url, file } = download;
    await downloadFile(url, pathOf(download), download, {
      signal,
      onProgress: report('downloading', file),
      onCheck: report('checking', file),
      onNote,
      patience,
    });
  }
  for (const download of missing) {
    const { unpack, file } = download;
    if (!unpack) continue;
    const clear = (): void => {
      for (const place of placesOf(unpack)) rmSync(join(files, place), { recursive: true, force: true });
    };
    clear();
    try {
      await unpackTarGz(pathOf(download), files, unpack, { signal, onProgress: report('unpacking', file) });
    } catch (error) {
      clear();
      throw error;
    }
  }
  signal?.throwIfAborted();
  await syncTree(files);
  if (isNew) await rename(files, target);
  else await rename(join(files, places[0]!), join(target, places[0]!));
  await sync(isNew ? dirname(target) : target);
  rmSync(files, { recursive: true, force: true });
  for (const download of missing) rmSync(pathOf(download), { force: true });
  return 'fetched';
}

/** Throws for files that are there in part, or wrong. */
async function checkPresent(
  { dir, target }: Folders,
  files: readonly ManifestFile[],
  options: FetchOptions,
): Promise<void> {
  const { signal, onProgress } = options;
  const [first] = await problemsOf(target, files, {
    checksums: true,
    signal,
    onProgress: (file, done, total) => onProgress?.({ doing: 'checking', file, done, total }),
  });
  if (!first) return;
  const places = placesOf(files).map((place) => join(dir, place));
  throw new UserError(
    `${join(dir, first.path)}: ${first.problem}: remove ${places.join(' and ')} and fetch again, or fetch to another folder with --dir`,
  );
}

/** The entries of the data set's folder that the files lie in, or are. */
function placesOf(files: readonly ManifestFile[]): string[] {
  return [...new Set(files.map(({ path }) => path.split('/')[0]!))];
}

async function checkSpace(
  { dir, staging }: Folders,
  downloads: readonly Download[],
  pathOf: (download: Download) => string,
): Promise<void> {
  let needed = 0;
  for (const download of downloads) {
    const path = pathOf(download);
    const have = [path, `${path}.part`].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
    needed += Math.max(0, (download.bytes ?? 0) - Math.max(...have));
    for (const { bytes } of download.unpack ?? []) needed += bytes ?? 0;
  }
  const { bavail, bsize } = await statfs(staging);
  const free = bavail * bsize;
  if (needed <= free) return;
  throw new UserError(
    `${dir}: ${gigabytes(needed)} are needed and ${gigabytes(free)} are free there: free some, or choose a folder on another disk with --dir`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** The folder itself where `dir` is a link to one; relative, where it was given so and lies below the current one. */
function targetOf(dir: string): string {
  const below = relative('', dir);
  const path = isAbsolute(dir) || below === '' || below.startsWith('..') ? resolve(dir) : below;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return path;
  if (!existsSync(path))
    throw new UserError(`${dir}: is a link to nowhere: remove it, or choose another folder`);
  if (!statSync(path).isDirectory()) throw new UserError(`${dir}: is no folder: choose another with --dir`);
  return found.isSymbolicLink() ? realpathSync(path) : path;
}

/** Whether a new folder may take its place without anybody losing anything. */
function isReplaceable(folder: string): boolean {
  return readdirSync(folder).length === 0 && realpathSync(folder) !== realpathSync('.');
}

function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    await (entry.isDirectory() ? syncTree(path) : sync(path));
  }
  await sync(folder);
}

/** Waits until a file's content, or a folder's list of names, is on disk. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space and run it again, it goes on with what has come',
  EDQUOT:
    'your share of the disk is used up: free some space and run it again, it goes on with what has come',
  EACCES: 'may not be written to: choose another folder with --dir',
  EPERM: 'may not be written to: choose another folder with --dir',
  EROFS: 'is on a disk that cannot be written to: choose another folder with --dir',
  ENOTDIR: 'a file is where a folder should be: choose another folder with --dir',
  EEXIST: 'a file is where a folder should be: choose another folder with --dir',
  EXDEV: 'is a disk of its own: choose a folder on it with --dir',
  EBUSY: 'is a disk of its own: choose a folder on it with --dir',
  ENOTEMPTY: 'something was put there meanwhile: choose another folder with --dir',
};

function explained(error: unknown, dir: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const words = error instanceof Error && 'syscall' in error ? advice[code] : undefined;
  return words === undefined ? error : new UserError(`${dir}: ${words} (${(error as Error).message})`);
}
