import { availableParallelism } from 'node:os';
import type { DatasetInfo, Range } from '../../data/info.js';
import { textTable } from '../../core/table.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { notifyOfData, scanNotes } from '../progress.js';
import {
  nameArgument,
  selectionKeys,
  selectionOf,
  selectionOptions,
  type SelectionArguments,
} from './data-options.js';
import { withProgress } from './with-progress.js';

/** Of image files, where each has to be decoded. */
const defaultFileImages = 5000;

const infoOptions = {
  ...selectionOptions,
  images: {
    type: 'number',
    requiresArg: true,
    describe: `training images to measure mean and std over [all; of image files ${defaultFileImages}]`,
  },
  json: { type: 'boolean', default: false, describe: 'a line of JSON instead of tables' },
} as const;

type InfoArguments = SelectionArguments & { readonly images: number | undefined; readonly json: boolean };

export const infoCommand: Command<object, InfoArguments> = {
  command: 'info [name]',
  options: infoOptions,
  keys: selectionKeys,
  describe: 'tell the classes, sizes, mean and standard deviation of a data set',
  builder: (yargs) =>
    yargs
      .positional('name', nameArgument)
      .options(infoOptions)
      .example('$0 data info cifar10', '')
      .example('$0 data info folder --dir photos --json', '')
      .example('$0 data info --config configs/demo.yaml', ''),
  handler: async (args) => {
    if (args.images !== undefined && (!Number.isInteger(args.images) || args.images < 1)) {
      throw new UsageError(`--images must be a whole number from 1, not ${args.images}`);
    }
    const { data, seed, kinds } = await selectionOf(args);
    const { loadDataset } = await import('../../data/registry.js');
    const { datasetInfo } = await import('../../data/info.js');
    await withProgress(args.quiet, async (progress, signal) => {
      const dataset = await loadDataset(data, seed, scanNotes(args.quiet), kinds);
      notifyOfData(dataset);
      const all = dataset.train.kind === 'memory' ? dataset.train.size : defaultFileImages;
      const info = await datasetInfo(dataset, {
        images: args.images ?? all,
        seed,
        workers: dataset.train.kind === 'memory' ? 0 : availableParallelism(),
        signal,
        onProgress: (done, total) =>
          progress.update({ label: `measuring ${dataset.name}`, unit: 'images', done, total }),
      });
      progress.end();
      process.stdout.write(args.json ? `${JSON.stringify(info)}\n` : infoText(info));
    });
  },
};

function channelNames(count: number): readonly string[] {
  if (count === 1) return ['grey'];
  return count === 3 ? ['red', 'green', 'blue'] : Array.from({ length: count }, (_, c) => String(c + 1));
}

function infoText(info: DatasetInfo): string {
  const { name, imageShape, images, evaluatedOn, classes, normalisedWith, measured, files } = info;
  const channels = channelNames(imageShape[2]);
  const skipped = measured.skipped > 0 ? `, ${measured.skipped} more could not be decoded` : '';
  const range = ({ least, median, greatest }: Range): string => `${least} to ${greatest}, median ${median}`;
  const lines = [
    `${name}: ${classes.length} classes, ${images.train} training and ${images.test} ${evaluatedOn} images`,
    `images as the network gets them: ${imageShape.join('×')}`,
    ...(files ? [`image files: width ${range(files.width)}; height ${range(files.height)}`] : []),
    `measured over ${measured.images} training images${skipped}`,
  ];
  const statistics = textTable({
    header: ['channel', 'mean measured', 'mean used', 'std measured', 'std used'],
    rows: channels.map((channel, c) => [
      channel,
      ...[measured.mean[c]!, normalisedWith.mean[c]!].map((value) => value.toFixed(4)),
      ...[measured.std[c]!, normalisedWith.std[c]!].map((value) => value.toFixed(4)),
    ]),
  });
  const counts = textTable({
    header: ['class', 'training', evaluatedOn],
    rows: classes.map(({ name: label, train, test }) => [label, String(train), String(test)]),
  });
  return `${lines.join('\n')}\n\n${statistics}\n${counts}`;
}
