import { join } from 'node:path';
import { narrowed, textTable } from '../../core/table.js';
import { expendableColumns, resultTable, tableNotes } from '../../runs/table.js';
import { messageOf, UserError } from '../../core/errors.js';
import type { Command } from '../command.js';
import { commandLine, withInterrupts } from '../interrupts.js';
import {
  configArgument,
  configOf,
  configOptions,
  defaultRuns,
  runOptions,
  type RunArguments,
} from '../options.js';
import { UsageError } from '../errors.js';
import { wholeNumbers } from '../whole-numbers.js';
import { notify, notifyOfData, progressObserver, scanNotes } from '../progress.js';

export const compareOptions = {
  ...configOptions,
  ...runOptions,
  out: {
    type: 'string',
    requiresArg: true,
    describe: `the folder for the run folders and summary.json [${defaultRuns}/<name>]`,
  },
  seeds: {
    type: 'string',
    requiresArg: true,
    describe: 'train each method with each of these, e.g. 1,2,3 or 1-3',
  },
  retry: {
    type: 'boolean',
    default: false,
    describe: 'try runs again that failed before, such as those that diverged',
  },
  from: {
    type: 'string',
    array: true,
    default: [] as string[],
    requiresArg: true,
    describe: 'a folder with earlier runs: those that are finished are not trained again (may be repeated)',
  },
} as const;

export interface CompareArguments extends RunArguments {
  readonly out: string | undefined;
  readonly seeds: string | undefined;
  readonly from: readonly string[];
  readonly retry: boolean;
}

export const compareCommand: Command<object, CompareArguments> = {
  command: 'compare <config>',
  options: compareOptions,
  describe: 'train a network with each method of a config, BP among them, and print a table',
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(compareOptions)
      .example('$0 compare configs/demo.yaml', '')
      .example('$0 compare configs/demo.yaml --out results --set train.epochs=1', '')
      .example('$0 compare configs/demo.yaml --seeds 1-3', 'mean and standard deviation'),
  handler: async (args) => {
    const seeds = seedsOf(args);
    const set = seeds === undefined ? args.set : [...args.set, `seeds=[${seeds}]`];
    const { config: given, registry } = await configOf({ ...args, set });
    const { comparedMethods, comparedSeeds } = await import('../../config/config.js');
    const config = { ...given, seed: comparedSeeds(given)[0]! };
    const parent = args.out ?? join(defaultRuns, config.name);
    const { openExperiment } = await import('../../runs/experiment.js');
    const { compare } = await import('../../runs/compare.js');
    await withInterrupts(async (signal) => {
      const experiment = await openExperiment(config, registry, scanNotes(args.quiet));
      notify(experiment.notice, args.quiet);
      notifyOfData(experiment.dataset, config.train);
      const observer = progressObserver(process.stderr, args.quiet);
      const { results, failed, defects, interrupted } = await compare(experiment, {
        parent,
        signal,
        observer,
        tensorboard: args.tensorboard,
        from: args.from,
        retry: args.retry,
      });
      if (results.length + failed.length > 0) {
        const full = resultTable(results, failed);
        const shown = narrowed(full, process.stdout.columns ?? Infinity, expendableColumns);
        const leftOut = full.header.filter((name) => !shown.header.includes(name));
        const lines = args.json
          ? [...results, ...failed.map((run) => ({ status: 'failed', ...run }))].map((each) =>
              JSON.stringify(each),
            )
          : [
              textTable(shown).trimEnd(),
              ...(leftOut.length > 0
                ? [
                    `left out here for want of width, and in ${join(parent, 'table.md')}: ${leftOut.join(', ')}`,
                  ]
                : []),
              ...tableNotes(results, failed),
              `summary: ${join(parent, 'summary.json')}`,
            ];
        process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      }
      if (interrupted) {
        const done = results.length + failed.length;
        process.stderr.write(
          `${done} of ${comparedMethods(given).length * comparedSeeds(given).length} runs are done; to go on, run the same command again: ${commandLine()}\n`,
        );
      }
      if (signal.aborted || failed.length === 0) return;
      const told = (runs: typeof failed): string =>
        runs.map(({ label, seed, error }) => `${label}, seed ${seed}: ${error}`).join('\n');
      if (defects.length === 0) throw new UserError(told(failed));
      // The defect itself is told with where it is.
      const others = failed.filter(({ error }) => error !== messageOf(defects[0]));
      if (others.length > 0) process.stderr.write(`error: ${told(others)}\n`);
      throw defects[0];
    });
  },
};

/** `--seeds`, or `--seed` for that one alone, as a list; undefined for the config's. */
function seedsOf({ seeds, seed }: CompareArguments): string | undefined {
  if (seeds === undefined) return seed === undefined ? undefined : String(seed);
  if (seed !== undefined) throw new UsageError('--seed and --seeds cannot both be given');
  const numbers = wholeNumbers(seeds);
  if (numbers !== undefined) return numbers.join(',');
  throw new UsageError(
    `--seeds: must be whole numbers and ranges with commas between, such as 1,2,3 or 1-3, not "${seeds}"`,
  );
}
