import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import { textTable } from '../../core/table.js';
import { parseSwept, sweepPoints } from '../../runs/sweep-points.js';
import { sweepTable } from '../../runs/sweep-table.js';
import type { SweepConfig } from '../../runs/sweep.js';
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
    const { comparedSeeds } = await import('../../config/config.js');
    const points = sweepPoints(args.over.map(parseSwept));
    const configs: SweepConfig[] = [];
    for (const [i, point] of points.entries()) {
      const set = [...args.set, ...Object.entries(point).map(([key, value]) => `${key}=${value}`)];
      const { config: given, registry } = await configOf({ ...args, set, quiet: args.quiet || i > 0 });
      const config = { ...given, seed: comparedSeeds(given)[0]! };
      // BP beside each combination only where the config asks for it.
      configs.push({ point, config: { ...config, baselines: config.baselines ?? [] }, registry });
    }
    const swept = Object.keys(points[0]!);
    const useless = swept.find((key) => key === 'name' || key === 'baselines');
    if (useless !== undefined) throw new UsageError(`--over ${useless}: does not change what is trained`);
    const parent = args.out ?? join(defaultRuns, `${configs[0]!.config.name}-sweep`);
    const { sweep } = await import('../../runs/sweep.js');
    await withInterrupts(async (signal) => {
      const { points: done, ...rest } = await sweep(configs, {
        ...{ parent, signal, tensorboard: args.tensorboard, retry: args.retry },
        observer: progressObserver(process.stderr, args.quiet),
        onOpen: ({ notice, dataset, config }) => {
          notify(notice, args.quiet);
          notifyOfData(dataset, config.train);
        },
      });
      const lines = args.json
        ? done.flatMap(({ point, results }) => results.map((run) => JSON.stringify({ point, ...run })))
        : [textTable(sweepTable(done)).trimEnd(), `table: ${join(parent, 'sweep.csv')}`];
      if (done.length > 0) process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      if (rest.interrupted) {
        process.stderr.write(
          `${done.length} of ${configs.length} combinations are done; to go on, run the same command again: ${commandLine()}\n`,
        );
      }
      if (signal.aborted || rest.failed.length === 0) return;
      if (rest.defects.length > 0) throw rest.defects[0];
      throw new UserError(
        rest.failed.map(({ folder, seed, error }) => `${folder}, seed ${seed}: ${error}`).join('\n'),
      );
    });
  },
};
