import { dirname, isAbsolute, join, normalize } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { FileSplit } from '../dataset.js';
import { packPaths, pathAt } from './path-list.js';
import { splitIdentity, type SplitIdentity } from '../identity.js';
import { readCsvRows } from './csv-rows.js';
import { checkPathsExist } from './existing.js';
import { chooseEvaluation } from './evaluation-split.js';
import { evaluatedOn, type EvaluationSplit, type FileImages } from './file-images.js';
import { checkClassCount, FileSplitBuilder, MOST_CLASSES } from './file-split-builder.js';
import type { ScanProgress } from './scan.js';
import { shown } from '../../core/shown.js';
import { composed, spellingNotes } from './spelling.js';

const HELP = 'expected a CSV file with the columns path,label[,split]';
const SPLITS = ['train', 'test', 'val'] as const;
/** What a Map can hold is a little more. */
const MOST_ROWS = 16_000_000;

export interface CsvRequest {
  readonly file: string;
  /** Where relative paths begin; default: the file's own folder. */
  readonly dir: string | undefined;
  /** Whether images to evaluate on are wanted; else they will be held out of the training images. */
  readonly withTest: boolean;
  /** Which split to evaluate on, where both are there. */
  readonly evaluateOn: EvaluationSplit | undefined;
}

/**
 * A list of images, `path,label[,split]`: `split` is train, test or val, without that column all rows are for training.
 * Relative paths begin at the file's folder; absolute ones and `..` are allowed. A label is a class's name or number:
 * classes are ordered by value if all labels are whole numbers, else by code units. Labels that print alike are one
 * (Unicode NFC), and a file may have its accents in the other spelling than the list.
 * @throws UserError naming file and line for what `readCsvRows` refuses, an empty path or label, an unknown split, a
 *   path that is there twice or does not exist, and a class without training images
 */
export async function readCsvList(request: CsvRequest, progress?: ScanProgress): Promise<FileImages> {
  const { file, withTest } = request;
  const list = await readRows(request);
  const evaluation = withTest ? evaluationRows(request, list) : undefined;
  const { labels, classes } = orderClasses(list);
  const notes = spellingNotes(`${shown(file)}: the labels`, list.spellings);
  const finish = async (name: 'train' | EvaluationSplit, done: number): Promise<FinishedSplit> => {
    const { paths: rows, lines } = list.splits[name];
    const { split, names } = rows.finish();
    split.labels.forEach((seen, i) => (split.labels[i] = labels[seen]!));
    const { sizes, spelled } = await checkPathsExist(file, split.paths, lines, (checked) =>
      progress?.(done + checked),
    );
    const identity = splitIdentity(split, classes.length, { names, sizes });
    if (spelled.size === 0) return { split, identity };
    const [[first, path] = [0, '']] = spelled;
    const others = spelled.size === 1 ? '' : `, and ${spelled.size - 1} more`;
    notes.push(
      `${shown(file)}:${lines[first]}: ${shown(path)} has its accents in another spelling than the list (Unicode NFC or NFD): taken as it is there${others}`,
    );
    const paths = Array.from({ length: split.size }, (_, i) => spelled.get(i) ?? pathAt(split.paths, i));
    return { split: { ...split, paths: packPaths(paths) }, identity };
  };
  const train = await finish('train', 0);
  const identity = { classes, train: train.identity };
  if (evaluation === undefined) {
    return { classes, train: train.split, test: undefined, evaluatedOn: 'validation', identity, notes };
  }
  const test = await finish(evaluation, train.split.size);
  return {
    ...{ classes, train: train.split, test: test.split, evaluatedOn: evaluatedOn(evaluation) },
    ...{ identity: { ...identity, test: test.identity }, notes },
  };
}

/** The number of classes; paths are not looked at. */
export async function countCsvClasses(file: string): Promise<number> {
  const request = { file, dir: undefined, withTest: false, evaluateOn: undefined };
  return orderClasses(await readRows(request)).classes.length;
}

interface FinishedSplit {
  readonly split: FileSplit;
  readonly identity: SplitIdentity;
}

interface SplitRows {
  /** With labels numbered as they are first seen. */
  readonly paths: FileSplitBuilder;
  /** The line of each. */
  readonly lines: number[];
}

interface Rows {
  readonly file: string;
  readonly splits: Readonly<Record<(typeof SPLITS)[number], SplitRows>>;
  /** In the order in which they are first seen. */
  readonly labels: ReadonlyMap<string, { readonly line: number; inTraining: boolean }>;
  /** The labels as the file has them. */
  readonly spellings: ReadonlySet<string>;
}

async function readRows({ file, dir }: CsvRequest): Promise<Rows> {
  const base = dir ?? dirname(file);
  const lineOf = new Map<string, number>();
  const spellings = new Set<string>();
  const seen = new Map<string, { readonly number: number; readonly line: number; inTraining: boolean }>();
  const empty = (): SplitRows => ({ paths: new FileSplitBuilder(), lines: [] });
  const splits = { train: empty(), test: empty(), val: empty() };
  await readCsvRows(file, ['path', 'label'], ['split'], HELP, ({ line, fields }) => {
    const [path = '', label = '', given] = fields;
    const refuse = (what: string): UserError => new UserError(`${shown(file)}:${line}: ${what}`);
    if (path.trim() === '') throw refuse('the path is empty');
    if (/\p{Cc}/u.test(path)) throw refuse(`the path ${shown(path)} has a control character in it`);
    if (label.trim() === '') throw refuse('the label is empty: expected the name or number of a class');
    if (/\p{Cc}/u.test(label)) throw refuse(`the label ${shown(label)} has a control character in it`);
    const split = SPLITS.find((name) => name === (given ?? 'train'));
    if (!split) throw refuse(`expected a split ${SPLITS.join(', ')}, found ${shown(given ?? '')}`);
    const whole = isAbsolute(path) ? normalize(path) : join(base, path);
    const twin = lineOf.get(composed(whole));
    if (twin !== undefined) throw refuse(`${shown(path)} is on line ${twin} already: keep one of them`);
    if (lineOf.size >= MOST_ROWS) throw refuse(`more than ${MOST_ROWS} rows`);
    lineOf.set(composed(whole), line);
    spellings.add(label);
    let entry = seen.get(composed(label));
    if (!entry) {
      if (seen.size >= MOST_CLASSES) {
        throw refuse(`more than ${MOST_CLASSES} classes: is "label" the right column?`);
      }
      entry = { number: seen.size, line, inTraining: false };
      seen.set(composed(label), entry);
    }
    if (split === 'train') entry.inTraining = true;
    splits[split].paths.add(whole, entry.number, path);
    splits[split].lines.push(line);
  });
  if (lineOf.size === 0) throw new UserError(`${shown(file)}: no rows after the header`);
  return { file, splits, labels: seen, spellings };
}

/** The classes in order, and for each label as first seen its class. */
function orderClasses({ file, labels }: Rows): { classes: string[]; labels: Uint16Array } {
  for (const [name, { line, inTraining }] of labels) {
    if (!inTraining) {
      throw new UserError(`${shown(file)}:${line}: the class ${shown(name)} has no training images`);
    }
  }
  const seen = [...labels.keys()];
  checkClassCount(shown(file), seen.length, 'labels');
  const numbers = seen.every((name) => /^(0|[1-9]\d{0,14})$/.test(name));
  const classes = [...seen].sort(numbers ? (a, b) => Number(a) - Number(b) : undefined);
  const rank = new Map(classes.map((name, i) => [name, i]));
  return { classes, labels: Uint16Array.from(seen, (name) => rank.get(name)!) };
}

function evaluationRows({ file, evaluateOn }: CsvRequest, { splits }: Rows): EvaluationSplit {
  return chooseEvaluation(evaluateOn, {
    path: file,
    splits: (['test', 'val'] as const).filter((name) => splits[name].paths.size > 0),
    parts: 'rows',
    remedy: 'mark some as test in a column "split"',
  });
}
