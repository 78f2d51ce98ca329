import { dirname } from 'node:path';
import { UserError } from '../../core/errors.js';
import { readCsvRows } from './csv-rows.js';
import { IMAGENET_CLASSES, readSynsetMat, readSynsetText } from './imagenet-synsets.js';
import { findFile, readInfoLines } from './info-files.js';
import { shown } from '../../core/shown.js';

const SOLUTION = 'LOC_val_solution.csv';
const DEVKIT = 'ILSVRC2012_validation_ground_truth.txt';
const NUMBERINGS = ['meta.mat', 'map_clsloc.txt', 'synsets.txt'];

/** The classes of the validation images. */
export interface GroundTruth {
  readonly file: string;
  /** By the image's name without its ending, `ILSVRC2012_val_00000001`. */
  readonly wnids: ReadonlyMap<string, string>;
}

/**
 * Kaggle's `LOC_val_solution.csv`, or else the devkit's `ILSVRC2012_validation_ground_truth.txt` with `meta.mat`,
 * `map_clsloc.txt` or `synsets.txt` (a wnid and an ILSVRC2012_ID a line) to tell what its numbers mean.
 * @param folders where they may lie
 * @param images the folder that they are wanted for, for messages
 * @throws UserError if there is none, or it is not what it should be
 */
export async function readGroundTruth(folders: readonly string[], images: string): Promise<GroundTruth> {
  const solution = await findFile(folders, [SOLUTION]);
  if (solution !== undefined) return { file: solution, wnids: await readSolution(solution) };
  const file = await findFile(folders, [DEVKIT]);
  if (file === undefined) {
    throw new UserError(
      `${images}: images in no class folders need ${DEVKIT} of the devkit or Kaggle's ${SOLUTION}: put one into ${folders.map(shown).join(' or ')}`,
    );
  }
  return { file, wnids: await readNumbers(file, folders) };
}

/** `ImageId,PredictionString`, the string a wnid and a box, maybe several times. */
async function readSolution(file: string): Promise<Map<string, string>> {
  const wnids = new Map<string, string>();
  await readCsvRows(
    file,
    ['ImageId', 'PredictionString'],
    [],
    `expected Kaggle's ${SOLUTION}`,
    ({ line, fields }) => {
      const [id = '', prediction = ''] = fields;
      const wnid = /^(n\d{8})(?:\s|$)/.exec(prediction)?.[1];
      if (id === '' || wnid === undefined) {
        const found = `${id},${prediction}`;
        throw new UserError(`${shown(file)}:${line}: expected an image and a wnid, found ${shown(found)}`);
      }
      if (wnids.has(id)) throw new UserError(`${shown(file)}:${line}: ${shown(id)} is there twice`);
      wnids.set(id, wnid);
    },
  );
  return wnids;
}

/** An ILSVRC2012_ID a line, in the order of the images. */
async function readNumbers(file: string, folders: readonly string[]): Promise<Map<string, string>> {
  const numbering = await readNumbering(file, folders);
  const wnids = new Map<string, string>();
  for (const { line, text } of await readInfoLines(file)) {
    const wnid = /^\d{1,5}$/.test(text) ? numbering.wnids.get(Number(text)) : undefined;
    if (wnid === undefined) {
      throw new UserError(
        `${shown(file)}:${line}: expected the number of a class of ${shown(numbering.file)}, found ${shown(text)}`,
      );
    }
    // A blank line between others would shift every label after it.
    if (line !== wnids.size + 1) throw new UserError(`${shown(file)}:${line - 1}: a blank line`);
    wnids.set(`ILSVRC2012_val_${String(line).padStart(8, '0')}`, wnid);
  }
  if (wnids.size === 0) throw new UserError(`${shown(file)} is empty`);
  return wnids;
}

async function readNumbering(
  truth: string,
  folders: readonly string[],
): Promise<{ file: string; wnids: Map<number, string> }> {
  const file = await findFile([dirname(truth), ...folders], NUMBERINGS);
  if (file === undefined) {
    throw new UserError(
      `${shown(truth)}: what its numbers mean is missing: put the devkit's meta.mat or map_clsloc.txt beside it`,
    );
  }
  const classes = file.endsWith('.mat') ? await readSynsetMat(file) : await readSynsetText(file);
  const own = classes.filter(({ id }) => id <= IMAGENET_CLASSES);
  return { file, wnids: new Map(own.map(({ id, wnid }) => [id, wnid])) };
}
