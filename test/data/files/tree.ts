import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { FileSplit, Split } from '../../../src/data/dataset.js';
import { pathAt } from '../../../src/data/files/path-list.js';

/** Writes files that hold nothing: what is only scanned is never read. */
export function plant(root: string, ...paths: readonly string[]): string {
  for (const path of paths) write(root, path, '');
  return root;
}

/** Writes one file and the folders on the way to it; returns its path. */
export function write(root: string, path: string, content: string | Uint8Array): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** `label path` for every image of a split of files, the paths from `root`. */
export function listing(root: string, split: Split | undefined): string[] {
  const files = split as FileSplit;
  if (files.kind !== 'files') throw new Error('expected a split of files');
  return Array.from(
    { length: files.size },
    (_, i) => `${files.labels[i]} ${relative(root, pathAt(files.paths, i))}`,
  );
}
