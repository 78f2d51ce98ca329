import { totalmem } from 'node:os';
import { basename, join, relative } from 'node:path';
import { UserError } from '../../core/errors.js';
import { shown } from '../../core/shown.js';
import { formatBytes } from '../../core/text.js';
import { openParquet, type ParquetColumnKind, type ParquetFile } from '../../formats/parquet.js';
import { splitIdentity } from '../identity.js';
import { contentsBuilder, type ContentsBuilder } from './contents-builder.js';
import { chooseEvaluation } from './evaluation-split.js';
import { evaluatedOn, type EvaluationSplit, type FileImages } from './file-images.js';
import { parquetClasses } from './parquet-classes.js';
import { foldersAmong, listFolder, type ScanProgress } from './scan.js';

const HELP =
  'expected Parquet files whose names begin with train, test or validation, in it or in a folder of it';

export interface ParquetRequest {
  readonly dir: string;
  /** Names of the columns. */
  readonly image: string;
  readonly label: string;
  /** Whether images to evaluate on are wanted; else they will be held out of the training images. */
  readonly withTest: boolean;
  /** Which split to evaluate on, where both are there. */
  readonly evaluateOn: EvaluationSplit | undefined;
}

type SplitName = 'train' | EvaluationSplit;
type Files = Readonly<Record<SplitName, readonly string[]>>;

/**
 * Images in Parquet files, as Hugging Face's data sets have them: a column of image files' bytes, or of structs with
 * such `bytes`, and one of labels. Whole numbers with names in the files' metadata (`ClassLabel`) have these for classes;
 * else classes are the labels that there are, ordered by value if all are whole numbers, else by code units. The images
 * are held in memory as they are encoded. Rows count from 0 in messages.
 *
 * @throws UserError naming the file, and the row, for what is missing, of another type, or damaged
 */
export async function readParquet(request: ParquetRequest, progress?: ScanProgress): Promise<FileImages> {
  const { dir, withTest } = request;
  const files = await findFiles(dir);
  const evaluation = withTest ? evaluationFiles(request, files) : undefined;
  const wanted = evaluation === undefined ? (['train'] as const) : (['train', evaluation] as const);
  const opened = new Map<SplitName, readonly ParquetFile[]>();
  for (const name of wanted) opened.set(name, await openAll(files[name], request));
  refuseLarge(dir, [...opened.values()].flat(), request.image);
  const classes = parquetClasses(opened.get('train')![0]!, request.label);
  const builders = new Map<SplitName, ContentsBuilder>();
  let taken = 0;
  for (const [name, parts] of opened) {
    const builder = contentsBuilder();
    builders.set(name, builder);
    for (const part of parts) {
      classes.refuseOthers(part);
      await takeRows(part, request, (content, label, row, imagePath) => {
        const index = classes.indexOf(label, name === 'train', `${shown(part.path)}: row ${row}`);
        const unique = `${relative(dir, part.path)} ${row} ${imagePath}`;
        builder.add(content, index, `${part.path}, row ${row}`, unique);
        if (++taken % 10_000 === 0) progress?.(taken);
      });
    }
  }
  const { names, places } = classes.finish(dir);
  const finish = (name: SplitName) => {
    const { split, ...rest } = builders.get(name)!.finish();
    split.labels.forEach((seen, i) => (split.labels[i] = places[seen]!));
    return { split, identity: splitIdentity(split, names.length, rest) };
  };
  const train = finish('train');
  const test = evaluation && finish(evaluation);
  return {
    classes: names,
    train: train.split,
    test: test?.split,
    evaluatedOn: evaluation === undefined ? 'validation' : evaluatedOn(evaluation),
    notes: [],
    identity: { classes: names, train: train.identity, ...(test && { test: test.identity }) },
  };
}

/** The number of classes, from the labels alone. */
export async function countParquetClasses(
  request: Pick<ParquetRequest, 'dir' | 'image' | 'label'>,
): Promise<number> {
  const { label, dir } = request;
  const parts = await openAll((await findFiles(dir)).train, request);
  const classes = parquetClasses(parts[0]!, label);
  for (const part of parts) {
    await part.read([label], (rows, first) =>
      rows.forEach((row, i) => classes.indexOf(row[label], true, `${shown(part.path)}: row ${first + i}`)),
    );
  }
  return classes.finish(dir).names.length;
}

/** By the beginnings of their names, or of the folders that they are in. */
async function findFiles(dir: string): Promise<Files> {
  const files: Record<SplitName, string[]> = { train: [], test: [], val: [] };
  const folders = new Map<SplitName, string>();
  const look = async (folder: string): Promise<void> => {
    for (const entry of await listFolder(folder, HELP)) {
      if (!entry.name.endsWith('.parquet')) continue;
      const ofFolder = folder === dir ? undefined : splitOf(basename(folder));
      const split = splitOf(entry.name) ?? ofFolder;
      if (split === undefined) continue;
      const other = folders.get(split) ?? folder;
      if (other !== folder) {
        throw new UserError(
          `${shown(dir)}: files of ${split} are both in ${shown(other)} and in ${shown(folder)}: name one of these as data.dir`,
        );
      }
      folders.set(split, folder);
      files[split].push(join(folder, entry.name));
    }
  };
  await look(dir);
  for (const name of await foldersAmong(dir, await listFolder(dir, HELP))) await look(join(dir, name));
  if (files.train.length === 0) throw new UserError(`${shown(dir)}: no training images: ${HELP}`);
  Object.values(files).forEach(refuseMissingParts);
  return files;
}

function splitOf(name: string): SplitName | undefined {
  const [, word] = /^(train|test|validation|valid|val)(?![A-Za-z])/.exec(name) ?? [];
  if (word === undefined) return undefined;
  return word === 'train' || word === 'test' ? word : 'val';
}

/** `train-00000-of-00002.parquet` says how many there are. */
function refuseMissingParts(files: readonly string[]): void {
  const first = files[0];
  const of = first === undefined ? undefined : /-of-(\d+)\D/.exec(basename(first))?.[1];
  if (first === undefined || of === undefined || Number(of) === files.length) return;
  throw new UserError(
    `${shown(first)}: its name says that there are ${Number(of)} parts, found ${files.length}`,
  );
}

function evaluationFiles({ dir, evaluateOn }: ParquetRequest, files: Files): EvaluationSplit {
  return chooseEvaluation(evaluateOn, {
    path: dir,
    splits: (['test', 'val'] as const).filter((name) => files[name].length > 0),
    parts: 'files',
    remedy: 'add test files',
  });
}

type Columns = Pick<ParquetRequest, 'image' | 'label'>;

async function openAll(paths: readonly string[], columns: Columns): Promise<ParquetFile[]> {
  const files: ParquetFile[] = [];
  for (const path of paths) {
    const file = await openParquet(path);
    refuseOtherColumns(file, columns);
    files.push(file);
  }
  return files;
}

function refuseOtherColumns({ path, columns }: ParquetFile, { image, label }: Columns): void {
  for (const [key, name, kinds, what] of [
    ['image', image, ['bytes', 'image'], "image files' bytes, or structs with bytes"],
    ['label', label, ['integer', 'text'], 'whole numbers or text'],
  ] as const) {
    const found = columns.get(name);
    if (found === undefined) {
      const there = [...columns.keys()].map(shown).join(', ');
      throw new UserError(
        `${shown(path)}: has no column ${shown(name)}: name one of ${there} with data.${key}`,
      );
    }
    if (!kinds.some((kind) => kind === found)) {
      throw new UserError(
        `${shown(path)}: the column ${shown(name)} must hold ${what}, and holds ${inWords[found]}: write the file with such a column, or name another with data.${key}`,
      );
    }
  }
}

const inWords: Readonly<Record<ParquetColumnKind, string>> = {
  image: 'structs with bytes',
  bytes: 'bytes',
  integer: 'whole numbers',
  float: 'floating-point numbers',
  text: 'text',
  other: 'something else',
};

function refuseLarge(dir: string, files: readonly ParquetFile[], image: string): void {
  const bytes = files.reduce((sum, file) => sum + file.bytesOf(image), 0);
  const most = totalmem() / 2;
  if (bytes <= most) return;
  throw new UserError(
    `${shown(dir)}: its images take ${formatBytes(bytes)} of memory, of which this machine has ${formatBytes(totalmem())}: write them out as files, and name their folder with data: { name: folder }`,
  );
}

/** Gives each row's image, its label as it is, and the path that its image has by itself, if any. */
async function takeRows(
  file: ParquetFile,
  { image, label }: Columns,
  take: (content: Uint8Array, label: unknown, row: number, imagePath: string) => void,
): Promise<void> {
  await file.read([image, label], (rows, first) =>
    rows.forEach((row, i) => {
      const value = row[image] as { bytes?: unknown; path?: unknown } | Uint8Array | null | undefined;
      const bytes = value instanceof Uint8Array ? value : value?.bytes;
      const path = value instanceof Uint8Array || typeof value?.path !== 'string' ? '' : value.path;
      if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
        const alone = path === '' ? '' : `, only the path ${shown(path)}`;
        throw new UserError(
          `${shown(file.path)}: row ${first + i}: the image has no bytes${alone}: write the files with the images in them`,
        );
      }
      take(bytes, row[label], first + i, path);
    }),
  );
}
