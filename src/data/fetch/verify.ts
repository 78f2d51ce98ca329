import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileProblem } from './checksum.js';
import { filesOf, type Manifest, type ManifestFile } from './manifest.js';

export interface VerifyOptions {
  /** Whether bytes are read and checksums computed; else names and sizes are all that is looked at. */
  readonly checksums: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((file: string, done: number, total: number) => void) | undefined;
}

/** What is wrong with a file of a data set. */
export interface FileProblem {
  readonly path: string;
  readonly problem: string;
}

/**
 * Compares what lies in a data set's folder with its manifest. Parts that are fetched only if asked for may be
 * missing as a whole; files that the manifest does not know are none of its business.
 */
export async function verifyFiles(
  manifest: Manifest,
  dir: string,
  options: VerifyOptions,
): Promise<FileProblem[]> {
  const otherForm = otherFormThere(manifest, dir);
  if (otherForm) return problemsOf(dir, otherForm, options);
  const problems: FileProblem[] = [];
  for (const download of manifest.downloads) {
    if (download.part !== undefined && !isThere(dir, filesOf(download))) continue;
    problems.push(...(await problemsOf(dir, filesOf(download), options)));
  }
  const archives = (manifest.archives ?? []).filter((archive) => isThere(dir, [archive]));
  problems.push(...(await problemsOf(dir, archives, options)));
  return problems;
}

/** The form that a data set is there in, where that is not the one that is downloaded. */
export function otherFormThere(manifest: Manifest, dir: string): readonly ManifestFile[] | undefined {
  const isDownloaded = manifest.downloads.some((download) => isThere(dir, filesOf(download)));
  return isDownloaded ? undefined : manifest.otherForms?.find((files) => isThere(dir, files));
}

/** What is wrong with the files of one download. */
export async function problemsOf(
  dir: string,
  files: readonly ManifestFile[],
  { checksums, signal, onProgress }: VerifyOptions,
): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  for (const file of files) {
    const { path } = file;
    if (!existsSync(join(dir, path)) && (file.optional || isThereUnpacked(dir, path))) continue;
    const problem = await fileProblem(join(dir, path), file, {
      checksums,
      signal,
      onProgress: (done, total) => onProgress?.(path, done, total),
    });
    if (problem !== undefined) problems.push({ path, problem });
  }
  return problems;
}

/** Whether any of the files is there. */
export function isThere(dir: string, files: readonly ManifestFile[]): boolean {
  return files.some(({ path }) => existsSync(join(dir, path)) || isThereUnpacked(dir, path));
}

/** A .gz file that its user has unpacked: readers take it either way, and check it themselves. */
function isThereUnpacked(dir: string, path: string): boolean {
  return path.endsWith('.gz') && existsSync(join(dir, path.slice(0, -'.gz'.length)));
}
