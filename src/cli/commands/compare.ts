import { join } from 'node:path';
import type { CommandModule } from 'yargs';
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

export const compareOptions = {
  ...configOptions,
  ...runOptions,
  out: {
    type: 'string',
    requiresArg: true,
    describe: `the folder for the run folders and summary.json [${defaultRuns}/<name>]`,
  },
} as const;

export const compareCommand: CommandModule<object, RunArguments & { readonly out: string | undefined }> = {
  command: 'compare <config>',
  describe: 'train a network with each method of a config, BP among them, and print a table',
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(compareOptions)
      .example('$0 compare configs/demo.yaml', '')
      .example('$0 compare configs/demo.yaml --out results --set train.epochs=1', ''),
  handler: async (args) => {
    const { config, registry } = await configOf(args);
    const parent = args.out ?? join(defaultRuns, config.name);
    const { openExperiment } = await import('../../experiment/run.js');
    const { compare } = await import('../../experiment/compare.js');
    await withInterrupts(async (signal) => {
      const experiment = await openExperiment(config, registry, scanNotes(args.quiet));
      notify(experiment.notice, args.quiet);
      const observer = progressObserver(process.stderr, args.quiet);
      const { results } = await compare(experiment, {
        parent,
        signal,
        observer,
        tensorboard: args.tensorboard,
      });
      if (results.length === 0) return;
      if (args.json) {
        for (const result of results) process.stdout.write(`${JSON.stringify(result)}\n`);
        return;
      }
      process.stdout.write(textTable(resultTable(results)));
      process.stdout.write(`summary: ${join(parent, 'summary.json')}\n`);
    });
  },
};
