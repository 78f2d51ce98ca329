import { UserError } from '../../core/errors.js';
import { readSynsetMat } from './imagenet-synsets.js';
import { findFile, readInfoLines } from './info-files.js';
import { shown } from '../../core/shown.js';
import { composed } from './spelling.js';

/**
 * What people call the classes: from Kaggle's `LOC_synset_mapping.txt` or the devkit's `meta.mat`, else the wnids
 * themselves. Where two classes have one name (crane the bird, crane the machine) the wnid goes with it.
 * @throws UserError if such a file is there and is not what it should be
 */
export async function readSynsetNames(
  folders: readonly string[],
  wnids: readonly string[],
): Promise<string[]> {
  const words = await readWords(folders);
  const names = wnids.map((wnid) => composed(words.get(wnid) ?? wnid));
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  return names.map((name, i) => (times.get(name) === 1 ? name : `${name} (${wnids[i]})`));
}

async function readWords(folders: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const mapping = await findFile(folders, ['LOC_synset_mapping.txt']);
  if (mapping !== undefined) return readMapping(mapping);
  const meta = await findFile(folders, ['meta.mat']);
  if (meta === undefined) return new Map();
  return new Map((await readSynsetMat(meta)).map(({ wnid, words }) => [wnid, words]));
}

/** Lines as `n01440764 tench, Tinca tinca`. */
async function readMapping(file: string): Promise<ReadonlyMap<string, string>> {
  const words = new Map<string, string>();
  for (const { line, text } of await readInfoLines(file)) {
    const [, wnid, name] = /^(n\d{8})\s+(\P{Cc}+)$/u.exec(text) ?? [];
    if (wnid === undefined || name === undefined) {
      throw new UserError(`${shown(file)}:${line}: expected a wnid and words, found ${shown(text)}`);
    }
    if (words.has(wnid)) throw new UserError(`${shown(file)}:${line}: ${wnid} is there twice`);
    words.set(wnid, name);
  }
  return words;
}
