import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import { textTable } from '../../core/table.js';
import type { LoadedConfig } from '../../config/config.js';
import { overridesOf, parseSwept, sweepPoints } from '../../runs/sweep-points.js';
import { sweepTable, type SweptResult } from '../../runs/sweep-table.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { commandLine, withInterrupts } from '../interrupts.js';
import {
  configArgument,
  configOf,
  configOptions,
  defaultRuns,
  runOptions,
  type RunArguments,
} from '../options.js';
import { notify, notifyOfData, progressObserver } from '../progress.js';

const sweepOptions = {
  ...configOptions,
  ...runOptions,
  over: {
    type: 'string',
    array: true,
    demandOption: true,
    requiresArg: true,
    describe: 'a key and its values, e.g. train.learningRate=0.05,0.1; repeated: every combination',
  },
  out: {
    type: 'string',
    requiresArg: true,
    describe: `the folder for the runs, sweep.json and sweep.csv [${defaultRuns}/<name>-sweep]`,
  },
  retry: { type: 'boolean', default: false, describe: 'try runs again that failed before' },
} as const;

interface SweepArguments extends RunArguments {
  readonly over: readonly string[];
  readonly out: string | undefined;
  readonly retry: boolean;
}

export const sweepCommand: Command<object, SweepArguments> = {
  command: 'sweep <config>',
  options: sweepOptions,
  describe: "train a config's methods with every combination of values of some keys, and print a table",
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(sweepOptions)
      .example('$0 sweep configs/auglocal.yaml --over method.depth=1,2,3', '')
      .example('$0 sweep my.yaml --over train.learningRate=0.05,0.1 --over method.blocks=2,4', 'four runs'),
  handler: async (args) => {
    const points = sweepPoints(args.over.map(parseSwept));
    const useless = Object.keys(points[0]!).find((key) => key === 'name' || key === 'baselines');
    if (useless !== undefined) throw new UsageError(`--over ${useless}: does not change what is trained`);
    const { comparedSeeds } = await import('../../config/config.js');
    const { loadSweep } = await import('../../runs/sweep-load.js');
    const { sweep } = await import('../../runs/sweep.js');
    let told = false;
    const load = async (overrides: readonly string[]): Promise<LoadedConfig> => {
      const own = { ...args, set: [...args.set, ...overrides], quiet: args.quiet || told };
      const { config, registry } = await configOf(own);
      told = true;
      // BP beside each combination only where the config asks for it.
      const { baselines = [] } = config;
      return { config: { ...config, seed: comparedSeeds(config)[0]!, baselines }, registry };
    };
    await withInterrupts(async (signal) => {
      const loaded = await loadSweep(points, {
        ...{ load, signal },
        onOpen: ({ notice, dataset, config }) => {
          notify(notice, args.quiet);
          notifyOfData(dataset, config.train);
        },
      });
      if (signal.aborted) return;
      const parent = args.out ?? join(defaultRuns, `${loaded.configs[0]!.config.name}-sweep`);
      const { points: done, ...rest } = await sweep(loaded, {
        ...{ parent, signal, tensorboard: args.tensorboard, retry: args.retry },
        observer: progressObserver(process.stderr, args.quiet),
      });
      const lines = args.json
        ? done.flatMap(recordsOf).map((record) => JSON.stringify(record))
        : [textTable(sweepTable(done)).trimEnd(), `table: ${join(parent, 'sweep.csv')}`];
      if (done.length > 0) process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      if (rest.interrupted) {
        process.stderr.write(
          `${done.length} of ${points.length} combinations are done; to go on, run the same command again: ${commandLine()}\n`,
        );
      }
      if (signal.aborted) return;
      if (rest.defects.length > 0) throw rest.defects[0];
      const errors = [
        ...rest.failed.map(({ folder, seed, error }) => `${folder}, seed ${seed}: ${error}`),
        ...done.flatMap(({ point, refused }) =>
          refused === undefined ? [] : [`${overridesOf(point).join(', ')}: ${refused.error}`],
        ),
      ];
      if (errors.length > 0) throw new UserError(errors.join('\n'));
    });
  },
};

/** What a combination came to, for programs: an object for each run, and for each that there is none of. */
function recordsOf({ point, results, failed, refused }: SweptResult): object[] {
  return [
    ...results.map((run) => ({ point, ...run })),
    ...failed.map((run) => ({ point, status: 'failed', ...run })),
    ...(refused?.methods ?? []).map((label) => ({ point, status: 'failed', label, error: refused!.error })),
  ];
}
