import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import { evaluatedOn, type EvaluationSplit, type FileImages } from './file-images.js';
import { checkClassCount, FileSplitBuilder } from './file-split-builder.js';
import { finishSplits } from './finish-splits.js';
import { classFolders, foldersAmong, listFolder, scanClasses, type ScanProgress } from './scan.js';
import { missingAt, shown } from '../../core/shown.js';
import { composed, spellingNotes } from './spelling.js';
import { refuseMisnamedSplits } from './split-names.js';
import { systemFolderNotes } from './system-folders.js';

const HELP =
  'expected <dir>/train/<class>/* and <dir>/test/<class>/*, or <dir>/<class>/* with data.validation';

export interface FolderRequest {
  readonly dir: string;
  /** Whether images to evaluate on are wanted; else they will be held out of the training images. */
  readonly withTest: boolean;
  /** Which split to evaluate on, where both are there. */
  readonly evaluateOn: EvaluationSplit | undefined;
}

/**
 * A folder of images: `<dir>/train/<class>/*` with `<dir>/test` or `<dir>/val` beside it, or `<dir>/<class>/*`. The
 * classes are the training folders' names in the order of their code units. Names that print alike are one (Unicode
 * NFC); hidden folders, and those that systems and tools keep for themselves, are left out.
 * @throws UserError if a folder is missing, cannot be read, is empty or named much as a split, or the test images have a
 *   class of their own
 */
export async function scanFolder(request: FolderRequest, progress?: ScanProgress): Promise<FileImages> {
  const { dir, withTest } = request;
  const { trainFolder, evaluation } = await findSplits(request);
  const trainClasses = await classFolders(trainFolder, HELP);
  const classes = namesOf(trainClasses);
  checkClassCount(shown(trainFolder), classes.length, 'folders');
  const labels = new Map(classes.map((name, label) => [name, label]));
  const labelOf = (name: string): number => labels.get(composed(name))!;
  const train = new FileSplitBuilder();
  await scanClasses(trainFolder, trainClasses, labelOf, train, progress);
  if (!withTest) {
    const notes = await notesOn([trainFolder], trainClasses);
    return {
      classes,
      ...(await finishSplits(classes, { train }, progress)),
      evaluatedOn: 'validation',
      notes,
    };
  }
  if (evaluation === undefined) {
    throw new UserError(
      `${shown(dir)}: no images to evaluate on: put them into ${shown(join(dir, 'test'))}/<class>, or hold out a share of the training images with data.validation`,
    );
  }
  const testFolder = join(dir, evaluation);
  const testClasses = await classFolders(testFolder, HELP);
  const unknown = testClasses.find((name) => !labels.has(composed(name)));
  if (unknown !== undefined) {
    throw new UserError(
      `${shown(join(testFolder, unknown))}: a class that ${shown(trainFolder)} does not have: expected one of its ${classes.length}`,
    );
  }
  if (testClasses.length === 0) throw new UserError(`${shown(testFolder)}: no class folders: ${HELP}`);
  const test = new FileSplitBuilder();
  await scanClasses(testFolder, testClasses, labelOf, test, (images) => progress?.(train.size + images));
  return {
    classes,
    ...(await finishSplits(classes, { train, test }, progress)),
    evaluatedOn: evaluatedOn(evaluation),
    notes: await notesOn([trainFolder, testFolder], [...trainClasses, ...testClasses]),
  };
}

/** The classes of folders that are in their order. */
function namesOf(folders: readonly string[]): string[] {
  return [...new Set(folders.map(composed))];
}

async function notesOn(splits: readonly string[], classes: readonly string[]): Promise<string[]> {
  return [...(await systemFolderNotes(splits)), ...spellingNotes('the class folders', classes)];
}

/** The number of classes, from the names of folders alone. */
export async function countFolderClasses(dir: string): Promise<number> {
  const { trainFolder } = await findSplits({ dir, withTest: false, evaluateOn: undefined });
  const { length } = namesOf(await classFolders(trainFolder, HELP));
  checkClassCount(shown(trainFolder), length, 'folders');
  return length;
}

async function findSplits({
  dir,
  withTest,
  evaluateOn,
}: FolderRequest): Promise<{ trainFolder: string; evaluation: EvaluationSplit | undefined }> {
  const folders = await foldersAmong(dir, await listFolder(dir, HELP));
  const there = (['test', 'val'] as const).filter((name) => folders.includes(name));
  if (!folders.includes('train')) {
    refuseMisnamedSplits(dir, folders, ['train', 'test', 'val']);
    if (there.length > 0) {
      throw new UserError(
        `${shown(dir)}: ${there.join(' and ')} without ${shown(join(dir, 'train'))}: ${HELP}`,
      );
    }
    return { trainFolder: dir, evaluation: undefined };
  }
  const wanted = evaluateOn === undefined ? (['test', 'val'] as const) : ([evaluateOn] as const);
  if (withTest && !wanted.some((name) => there.includes(name))) refuseMisnamedSplits(dir, folders, wanted);
  if (withTest && evaluateOn !== undefined && !there.includes(evaluateOn)) {
    throw new UserError(`${missingAt(join(dir, evaluateOn))}, and data.evaluateOn asks for it`);
  }
  if (withTest && evaluateOn === undefined && there.length === 2) {
    throw new UserError(
      `${shown(dir)}: both test and val are there: say with data.evaluateOn which one to evaluate on`,
    );
  }
  return { trainFolder: join(dir, 'train'), evaluation: evaluateOn ?? there[0] };
}
