import type { CommandModule } from 'yargs';
import { UserError } from '../../errors.js';
import { resultTable, textTable } from '../../experiment/table.js';
import { withInterrupts } from '../interrupts.js';
import {
  configArgument,
  configOf,
  configOptions,
  defaultRuns,
  runOptions,
  type RunArguments,
} from '../options.js';
import { notify, progressObserver, scanNotes } from '../progress.js';

export const trainOptions = {
  ...configOptions,
  ...runOptions,
  out: {
    type: 'string',
    default: defaultRuns,
    requiresArg: true,
    describe: 'the folder in which the run folder is made',
  },
} as const;

export const trainCommand: CommandModule<object, RunArguments & { readonly out: string }> = {
  command: 'train <config>',
  describe: 'train a network with one method',
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(trainOptions)
      .example('$0 train configs/auglocal.yaml', '')
      .example('$0 train configs/auglocal.yaml --set method.depth=3 --seed 2', ''),
  handler: async (args) => {
    const { config, registry } = await configOf(args);
    const { method } = config;
    if (!method)
      throw new UserError(`${args.config}: lists several methods; use "locallearn compare" for it`);
    const { openExperiment, runExperiment } = await import('../../experiment/run.js');
    await withInterrupts(async (signal) => {
      const experiment = await openExperiment(config, registry, scanNotes(args.quiet));
      notify(experiment.notice, args.quiet);
      const observer = progressObserver(process.stderr, args.quiet);
      const { folder, result } = await runExperiment(experiment, method, {
        parent: args.out,
        signal,
        observer,
        tensorboard: args.tensorboard,
      });
      if (result) process.stdout.write(textTable(resultTable([result])));
      process.stdout.write(`run folder: ${folder}\n`);
    });
  },
};
