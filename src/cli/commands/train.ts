import { UserError } from '../../core/errors.js';
import type { FinishedRun, RunOptions } from '../../runs/run.js';
import { textTable } from '../../core/table.js';
import { resultTable } from '../../runs/table.js';
import { resultNotes } from '../../runs/result-notes.js';
import { resumeCommand } from '../../runs/write-failure.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { withInterrupts } from '../interrupts.js';
import {
  configArgument,
  configOf,
  configOptions,
  defaultRuns,
  runOptions,
  type RunArguments,
} from '../options.js';
import { onRanks } from '../ranks.js';
import { notify, notifyOfData, progressObserver, scanNotes } from '../progress.js';

const trainOptions = {
  ...configOptions,
  ...runOptions,
  out: {
    type: 'string',
    default: defaultRuns,
    requiresArg: true,
    describe: 'the folder in which the run folder is made',
  },
  resume: {
    type: 'string',
    requiresArg: true,
    describe: 'a run folder: go on with that run, from its newest checkpoint',
  },
} as const;

type TrainArguments = Omit<RunArguments, 'config'> & {
  readonly config: string | undefined;
  readonly out: string;
  readonly resume: string | undefined;
};

export const trainCommand: Command<object, TrainArguments> = {
  command: 'train [config]',
  options: trainOptions,
  describe: 'train a network with one method, or go on with a run',
  builder: (yargs) =>
    yargs
      .positional('config', { ...configArgument, demandOption: false })
      .options(trainOptions)
      .example('$0 train configs/auglocal.yaml', '')
      .example('$0 train configs/auglocal.yaml --set method.depth=3 --seed 2', '')
      .example('$0 train --resume experiments/runs/2026-…', 'go on where a run was interrupted'),
  handler: async (args) => {
    const { config: path, resume, out } = args;
    const work = await (resume === undefined ? newRun(args, path, out) : oldRun(args, path, resume));
    await withInterrupts(async (signal) => {
      const observer = progressObserver(process.stderr, args.quiet);
      const { tensorboard } = args;
      const finished = await work({ signal, observer, tensorboard });
      // Rank 0 tells of the run.
      if (finished === undefined) return;
      const { folder, result, interrupted } = finished;
      if (args.json) {
        process.stdout.write(`${JSON.stringify({ folder, interrupted, ...result })}\n`);
      } else {
        if (result) {
          process.stdout.write(textTable(resultTable([result])));
          for (const line of resultNotes([result])) process.stdout.write(`${line}\n`);
        }
        process.stdout.write(`run folder: ${folder}\n`);
      }
      if (interrupted) process.stderr.write(`to go on: ${resumeCommand(folder)}\n`);
    });
  },
};

/** What is to be done; nothing comes of it on ranks but the first. */
type Work = (options: Omit<RunOptions, 'parent'>) => Promise<FinishedRun | undefined>;

async function newRun(args: TrainArguments, path: string | undefined, parent: string): Promise<Work> {
  if (path === undefined) throw new UsageError('a config is missing, or --resume with a run folder');
  const { config, registry } = await configOf({ ...args, config: path });
  const { method } = config;
  if (!method) throw new UserError(`${path}: lists several methods; use "locallearn compare" for it`);
  if (config.seeds !== undefined && args.seed === undefined) {
    throw new UserError(
      `${path}: lists several seeds; use "locallearn compare" for it, or choose one with --seed`,
    );
  }
  const { openExperiment } = await import('../../runs/experiment.js');
  const { runExperiment } = await import('../../runs/run.js');
  return async (options) => {
    const experiment = await openExperiment(config, registry, scanNotes(args.quiet));
    notify(experiment.notice, args.quiet);
    notifyOfData(experiment.dataset, config.train);
    return onRanks(experiment, method, options, (own) =>
      runExperiment(experiment, method, { ...own, parent }),
    );
  };
}

async function oldRun(args: TrainArguments, path: string | undefined, folder: string): Promise<Work> {
  const { openExperiment } = await import('../../runs/experiment.js');
  const { finishedResult, readRunConfig, recordedOverridesOf, refuseOtherConfig, resumeRun, runConfigPath } =
    await import('../../runs/resume.js');
  const { configDocument } = await import('../../config/config.js');
  const stored = runConfigPath(folder);
  const asked =
    path === undefined
      ? { ...args, config: stored, set: [...recordedOverridesOf(folder), ...args.set] }
      : { ...args, config: path };
  const { config: given, registry } = await configOf(asked);
  const old = readRunConfig(folder, registry);
  const config = given.engine === 'auto' ? { ...given, engine: old.engine } : given;
  refuseOtherConfig(`${folder}: the run`, configDocument(old), configDocument(config));
  const result = finishedResult(folder);
  return async (options) => {
    if (result !== undefined) {
      notify(`${folder}: this run is finished, there is nothing left to do`, false);
      return { folder, interrupted: false, result };
    }
    const experiment = await openExperiment(config, registry, scanNotes(args.quiet));
    notify(experiment.notice, args.quiet);
    notifyOfData(experiment.dataset, config.train);
    return onRanks(experiment, old.method, options, (own) => resumeRun(experiment, folder, own));
  };
}
