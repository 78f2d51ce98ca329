import { availableParallelism } from 'node:os';
import { csvText } from '../../core/csv-text.js';
import { UserError } from '../../core/errors.js';
import { textTable } from '../../core/table.js';
import { formatAccuracy, plural } from '../../core/text.js';
import { visible } from '../../core/visible.js';
import type { Prediction } from '../../study/predict-files.js';
import type { ProbeProgress } from '../../study/probe-units.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { engineOption, runSetOption, weightsOption } from '../options.js';
import { notify } from '../progress.js';
import { withProgress } from './with-progress.js';

const predictOptions = {
  set: runSetOption,
  top: { type: 'number', default: 1, requiresArg: true, describe: 'how many classes to name for each image' },
  weights: weightsOption,
  engine: engineOption,
  csv: { type: 'boolean', default: false, describe: 'CSV instead of a table: file, class, probability, …' },
  json: { type: 'boolean', default: false, describe: 'a line of JSON for each image instead of a table' },
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const;

interface PredictArguments {
  readonly run: string;
  readonly images: readonly string[];
  readonly set: readonly string[];
  readonly top: number;
  readonly weights: (typeof weightsOption.choices)[number] | undefined;
  readonly engine: (typeof predictOptions.engine.choices)[number];
  readonly csv: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

export const predictCommand: Command<object, PredictArguments> = {
  command: 'predict <run> <images..>',
  options: predictOptions,
  describe: 'what a trained run takes image files for; its data set need not be there',
  builder: (yargs) =>
    yargs
      .positional('run', { type: 'string', demandOption: true, describe: 'a run folder' })
      .positional('images', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'image files, and folders of them',
      })
      .options(predictOptions)
      .example('$0 predict experiments/runs/<run> cat.jpg photos', '')
      .example('$0 predict experiments/runs/<run> photos --top 5 --csv', ''),
  handler: async ({ run, images, set, top, weights, engine: wanted, csv, json, quiet }) => {
    if (csv && json) throw new UsageError('--csv and --json cannot both be given');
    if (!Number.isInteger(top) || top < 1)
      throw new UsageError(`--top must be a whole number from 1, not ${top}`);
    const { selectEngine } = await import('../../engine/select.js');
    const { loadTrainedNetwork } = await import('../../runs/trained-network.js');
    const { imageFilesOf, predictFiles } = await import('../../study/predict-files.js');
    const files = await imageFilesOf(images);
    const { notice } = await selectEngine(wanted);
    notify(notice, quiet);
    const trained = await loadTrainedNetwork(run, weights, set);
    // One trained on floating-point numbers is refused, whatever its files.
    if (trained.use.reading === undefined && trained.use.values === undefined) {
      notify(`${run}: its weights do not say how image files are read: the middle is taken whole`, quiet);
    }
    const workers = files.length > 8 ? availableParallelism() : 0;
    const refused: string[] = [];
    const predictions: Prediction[] = [];
    try {
      await withProgress(quiet, async (progress, signal) => {
        const options = {
          top,
          workers,
          signal,
          onProgress: (amount: ProbeProgress) => progress.update(amount),
        };
        for await (const each of predictFiles(trained, files, options)) {
          if ('reason' in each) refused.push(`${each.file} ${each.reason}`);
          else if (json) process.stdout.write(`${JSON.stringify(each)}\n`);
          else predictions.push(each);
        }
      });
    } finally {
      trained.dispose();
    }
    if (predictions.length > 0) process.stdout.write(csv ? asCsv(predictions) : asTable(predictions));
    if (refused.length > 0) {
      throw new UserError([`cannot decode ${plural(refused.length, 'image')}:`, ...refused].join('\n'));
    }
  },
};

function asTable(predictions: readonly Prediction[]): string {
  return textTable({
    header: ['image', 'class', 'probability'],
    rows: predictions.flatMap(({ file, classes }) =>
      classes.map(({ name, probability }, i) => [
        ...[i === 0 ? visible(file) : '', visible(name), formatAccuracy(probability)],
      ]),
    ),
  });
}

/** A line a class of an image, the likeliest first. */
function asCsv(predictions: readonly Prediction[]): string {
  return csvText([
    ['file', 'rank', 'class', 'probability'],
    ...predictions.flatMap(({ file, classes }) =>
      classes.map(({ name, probability }, i) => [file, i + 1, name, probability]),
    ),
  ]);
}
