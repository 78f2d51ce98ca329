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

const previewOptions = {
  ...selectionOptions,
  out: { type: 'string', default: 'preview.png', requiresArg: true, describe: 'the picture' },
  images: { type: 'number', default: 64, requiresArg: true, describe: 'how many to show' },
  seed: { type: 'number', requiresArg: true, describe: 'the same as --set seed=…' },
} as const;

type PreviewArguments = SelectionArguments & {
  readonly out: string;
  readonly images: number;
  readonly seed: number | undefined;
};

const mostImages = 1024;

export const previewCommand: Command<object, PreviewArguments> = {
  command: 'preview [name]',
  options: previewOptions,
  keys: selectionKeys,
  describe: 'draw training images with their classes, augmented as training sees them',
  builder: (yargs) =>
    yargs
      .positional('name', nameArgument)
      .options(previewOptions)
      .example('$0 data preview cifar10 --out preview.png', '')
      .example('$0 data preview --config configs/demo.yaml --images 100 --seed 2', ''),
  handler: async (args) => {
    if (!Number.isInteger(args.images) || args.images < 1 || args.images > mostImages) {
      throw new UsageError(`--images must be a whole number from 1 to ${mostImages}, not ${args.images}`);
    }
    const set = args.seed === undefined ? args.set : [...args.set, `seed=${args.seed}`];
    const { data, seed, augment, kinds } = await selectionOf({ ...args, set });
    const { loadDataset } = await import('../../data/registry.js');
    const { previewImage } = await import('../../data/preview.js');
    const { writeFileAtomic } = await import('../../core/files.js');
    const dataset = await loadDataset(data, seed, scanNotes(args.quiet), kinds);
    notifyOfData(dataset);
    writeFileAtomic(args.out, await previewImage(dataset, { images: args.images, seed, augment }));
    process.stdout.write(`preview: ${args.out}\n`);
  },
};
