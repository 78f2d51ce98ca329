import { UserError } from '../../core/errors.js';
import { readMat, type MatArray, type MatStruct } from '../../formats/mat.js';
import { readInfoFile, readInfoLines } from './info-files.js';
import { shown } from '../../core/shown.js';

/** How many the challenge has; the devkit numbers groups of them from here on. */
export const IMAGENET_CLASSES = 1000;

/** A class of the challenge as its devkit numbers them, which is not the order of the wnids. */
export interface Synset {
  /** ILSVRC2012_ID, from 1; those beyond 1000 are groups of classes. */
  readonly id: number;
  readonly wnid: string;
  readonly words: string;
}

/**
 * The devkit's `meta.mat`: a struct array `synsets` with ILSVRC2012_ID, WNID and words.
 * @throws UserError if it is no such file
 */
export async function readSynsetMat(file: string): Promise<Synset[]> {
  const synsets = readMat(await readInfoFile(file), file).get('synsets');
  if (synsets?.kind !== 'struct') {
    throw new UserError(`${shown(file)}: expected the devkit's struct array "synsets"`);
  }
  const at = (name: string): number => {
    const index = synsets.fields.indexOf(name);
    if (index < 0) throw new UserError(`${shown(file)}: synsets: expected a field ${name}`);
    return index;
  };
  const fields = { id: at('ILSVRC2012_ID'), wnid: at('WNID'), words: at('words') };
  const classes = synsets.elements.map((element, i) =>
    readElement(element, fields, `${shown(file)}: synset ${i + 1}`),
  );
  checkUnique(file, classes);
  return classes;
}

/**
 * Lines with a wnid and an ILSVRC2012_ID, in either order; what follows is passed over (`map_clsloc.txt`:
 * `n02119789 1 kit_fox`).
 * @throws UserError for other lines, a number or wnid that is there twice, and numbers that merely count the wnids
 */
export async function readSynsetText(file: string): Promise<Omit<Synset, 'words'>[]> {
  const classes = (await readInfoLines(file)).map(({ line, text }) => {
    const [first = '', second = ''] = text.split(/[\s,]+/);
    const [wnid, number] = first.startsWith('n') ? [first, second] : [second, first];
    if (!/^n\d{8}$/.test(wnid) || !/^[1-9]\d{0,4}$/.test(number)) {
      throw new UserError(
        `${shown(file)}:${line}: expected a wnid and a number from 1, found ${shown(text)}`,
      );
    }
    return { id: Number(number), wnid };
  });
  checkUnique(file, classes);
  const byNumber = [...classes].sort((a, b) => a.id - b.id).map(({ wnid }) => wnid);
  // Labels of another numbering would all be wrong, and nothing else would show it.
  if (byNumber.length > 2 && byNumber.every((wnid, i) => i === 0 || byNumber[i - 1]! < wnid)) {
    throw new UserError(
      `${shown(file)}: numbers the classes in the order of their wnids, which is not that of ILSVRC2012_ID: take the devkit's meta.mat or map_clsloc.txt`,
    );
  }
  return classes;
}

function readElement(
  element: MatStruct['elements'][number],
  fields: { id: number; wnid: number; words: number },
  where: string,
): Synset {
  const text = (array: MatArray | undefined, name: string): string => {
    if (array?.kind !== 'char') throw new UserError(`${where}: expected ${name} to be text`);
    return array.rows.join('').trim();
  };
  const number = element[fields.id];
  const id = number?.kind === 'numeric' && number.values.length === 1 ? Number(number.values[0]) : 0;
  if (!Number.isInteger(id) || id < 1)
    throw new UserError(`${where}: expected a number from 1 as ILSVRC2012_ID`);
  const wnid = text(element[fields.wnid], 'WNID');
  if (!/^n\d{8}$/.test(wnid))
    throw new UserError(`${where}: expected a WNID as n01440764, found ${shown(wnid)}`);
  const words = shown(text(element[fields.words], 'words'));
  return { id, wnid, words: words === '' ? wnid : words };
}

function checkUnique(file: string, classes: readonly Omit<Synset, 'words'>[]): void {
  if (classes.length === 0) throw new UserError(`${shown(file)}: no classes in it`);
  const ids = new Set<number>();
  const wnids = new Set<string>();
  for (const { id, wnid } of classes) {
    if (ids.has(id)) throw new UserError(`${shown(file)}: the number ${id} is there twice`);
    if (wnids.has(wnid)) throw new UserError(`${shown(file)}: ${wnid} is there twice`);
    ids.add(id);
    wnids.add(wnid);
  }
}
