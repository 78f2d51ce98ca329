import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../core/errors.js';
import { isMissing, readChecked } from '../../core/read.js';
import { shown } from '../../core/shown.js';

/** The lists that come with ImageNet are far smaller. */
const MOST_BYTES = 16 * 2 ** 20;
const HELP = 'it was there a moment ago';

/** The first of the folders' files that has one of these names, names before folders; undefined if there is none. */
export async function findFile(
  folders: readonly string[],
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if ((await look(path))?.isFile()) return path;
    }
  }
  return undefined;
}

/** Whether there is such a folder, or a link to one. */
export async function isFolder(path: string): Promise<boolean> {
  return (await look(path))?.isDirectory() ?? false;
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new UserError(`cannot read ${shown(path)}: ${shown(messageOf(error))}`);
  }
}

/** A file of at most 16 MiB. */
export async function readInfoFile(file: string): Promise<Buffer> {
  return readChecked(file, HELP, (size) => {
    if (size > MOST_BYTES) {
      throw new UserError(`${shown(file)}: expected at most ${MOST_BYTES} bytes, found ${size}`);
    }
  });
}

/** The lines of a text file that are not blank, trimmed, with their numbers from 1. */
export async function readInfoLines(file: string): Promise<{ line: number; text: string }[]> {
  const content = (await readInfoFile(file)).toString('utf8').replace(/^\uFEFF/, '');
  return content
    .split(/\r\n|\n|\r/)
    .map((text, i) => ({ line: i + 1, text: text.trim() }))
    .filter(({ text }) => text !== '');
}
