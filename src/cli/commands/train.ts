import { UserError } from '../../core/errors.js';
import type { Config } from '../../config/config.js';
import type { Registry } from '../../config/registry.js';
import type { ChosenMethod } from '../../measure/memory/choose-cuts.js';
import { endWithLauncher, startRanks } from '../../distributed/launch.js';
import { placementIn, type Placement } from '../../distributed/placement.js';
import type { Experiment } from '../../runs/experiment.js';
import type { FinishedRun, RunOptions } from '../../runs/run.js';
import { textTable } from '../../core/table.js';
import { rankNote, rankTable } from '../../runs/rank-table.js';
import { resultTable, tableNotes } from '../../runs/table.js';
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
import { parallelOf, ranksOf, withAsked, type AskedRanks } from '../parallel.js';
import { onRanks, onShares, tellsNotes } from '../ranks.js';
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
  parallel: {
    type: 'string',
    requiresArg: true,
    describe:
      'data=2: start two ranks here, which share every batch; blocks=2: each of which has a run of blocks; blocks=2,data=2: both, with four; data: be one of them',
  },
  into: {
    type: 'string',
    requiresArg: true,
    conflicts: 'resume',
    describe: 'the run folder itself: begin there, or go on with what the same command has begun',
  },
  resume: {
    type: 'string',
    requiresArg: true,
    describe: 'a run folder: go on with that run, from its newest checkpoint',
  },
} as const;

type TrainArguments = TrainWork & { readonly parallel: string | undefined };

type TrainWork = Omit<RunArguments, 'config'> & {
  readonly config: string | undefined;
  readonly out: string;
  readonly into: string | undefined;
  readonly resume: string | undefined;
};

/** With what `--parallel` asks for. */
type AskedWork = TrainWork & { readonly parallel: AskedRanks | undefined };

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
      .example('$0 train configs/auglocal.yaml --into runs/a', 'begin in runs/a, or go on there')
      .example('$0 train --resume experiments/runs/2026-…', 'go on where a run was interrupted')
      .example('$0 train --resume experiments/runs/2026-… --set train.epochs=20', 'train it longer'),
  handler: async (given) => {
    const placement = placementIn(process.env);
    const parallel = parallelOf(given.parallel);
    const ranks = parallel && ranksOf(parallel);
    if (ranks !== undefined && placement === undefined) {
      process.exitCode = await startRanks(ranks, process.argv.slice(1));
      return;
    }
    // What a rank on a machine of several GPUs sees is its own.
    if (placement !== undefined) endWithLauncher();
    if (placement !== undefined) process.env['CUDA_VISIBLE_DEVICES'] ??= String(placement.localRank);
    const args = { ...given, parallel, quiet: given.quiet || !tellsNotes(placement) };
    const { config: path, resume } = args;
    const records = placement === undefined || placement.rank === 0;
    const work = await (resume === undefined ? newRun(args, path) : oldRun(args, path, resume));
    const stopping = tellsNotes(placement) ? undefined : '';
    await withInterrupts(async (signal) => {
      const observer = progressObserver(process.stderr, args.quiet || !records);
      const { tensorboard } = args;
      const finished = await work({ signal, observer, tensorboard }, placement);
      // Rank 0 tells of the run.
      if (finished === undefined || !records) return;
      const { folder, result, interrupted } = finished;
      if (args.json) {
        process.stdout.write(`${JSON.stringify({ folder, interrupted, ...result })}\n`);
      } else {
        if (result) {
          process.stdout.write(textTable(resultTable([result])));
          for (const line of tableNotes([result])) process.stdout.write(`${line}\n`);
          if (result.ranks)
            process.stdout.write(`${textTable(rankTable(result.ranks))}${rankNote(result.ranks)}\n`);
        }
        process.stdout.write(`run folder: ${folder}\n`);
      }
      const sharing = given.parallel === undefined ? '' : ` --parallel ${given.parallel}`;
      if (interrupted) process.stderr.write(`to go on: ${resumeCommand(folder)}${sharing}\n`);
    }, stopping);
  },
};

/** What records a run that this process has prepared. */
type Begin = (chosen: ChosenMethod, options: Omit<RunOptions, 'parent'>) => Promise<FinishedRun>;

/** What is to be done; nothing comes of it on ranks but the first. */
type Work = (
  options: Omit<RunOptions, 'parent'>,
  placement: Placement | undefined,
) => Promise<FinishedRun | undefined>;

/** Opens it, and tells what is to be known of engine and data. */
async function openNoted(
  config: Config,
  registry: Registry,
  quiet: boolean,
  placement: Placement | undefined,
): Promise<Experiment> {
  const { openExperiment } = await import('../../runs/experiment.js');
  const experiment = await openExperiment(config, registry, scanNotes(quiet));
  notify(experiment.notice, quiet);
  if (tellsNotes(placement)) notifyOfData(experiment.dataset, config.train);
  return experiment;
}

async function newRun(args: AskedWork, path: string | undefined): Promise<Work> {
  const { out: parent, into } = args;
  if (path === undefined) throw new UsageError('a config is missing, or --resume with a run folder');
  const { config, registry } = await configOf(await withAsked({ ...args, config: path }));
  const { method } = config;
  if (!method) throw new UserError(`${path}: lists several methods; use "locallearn compare" for it`);
  if (config.seeds !== undefined && args.seed === undefined) {
    throw new UserError(
      `${path}: lists several seeds; use "locallearn compare" for it, or choose one with --seed`,
    );
  }
  const { prepareMethod } = await import('../../runs/prepare-method.js');
  const { runPrepared } = await import('../../runs/run.js');
  const { runInto } = await import('../../runs/into.js');
  const { trainAlong } = await import('../../runs/ranks.js');
  return async (options, placement) => {
    const experiment = await openNoted(config, registry, args.quiet, placement);
    const begin: Begin = (chosen, own) =>
      into === undefined
        ? runPrepared(experiment, chosen, { ...own, parent })
        : runInto(experiment, chosen, into, own);
    if (typeof config.parallel === 'object') {
      return onRanks(placement, experiment, method, options, async (own) =>
        begin(await prepareMethod(experiment, method, own), own),
      );
    }
    const prepared = () => prepareMethod(experiment, method, options);
    return onShares(
      placement,
      config,
      async (ranks) => begin(await prepared(), { ...options, ranks }),
      async (ranks) => trainAlong(experiment, await prepared(), ranks, options.signal),
    );
  };
}

async function oldRun(args: AskedWork, path: string | undefined, folder: string): Promise<Work> {
  const { finishedNote, finishedResult, readRunConfig, recordedOverridesOf, resumeRun, runConfigPath } =
    await import('../../runs/resume.js');
  const { epochsDone, isLonger, refuseOtherRun } = await import('../../runs/longer.js');
  const { trainAlong } = await import('../../runs/ranks.js');
  const stored = runConfigPath(folder);
  const asked =
    path === undefined
      ? { ...args, config: stored, set: [...recordedOverridesOf(folder), ...args.set] }
      : { ...args, config: path };
  const { config: given, registry } = await configOf(await withAsked(asked));
  const old = readRunConfig(folder, registry);
  const config = given.engine === 'auto' ? { ...given, engine: old.engine } : given;
  const { schedules } = registry;
  refuseOtherRun(`${folder}: the run`, old, config, { done: epochsDone(folder), schedules });
  const result = isLonger(old, config) ? undefined : finishedResult(folder);
  return async (options, placement) => {
    if (result !== undefined) {
      notify(finishedNote(folder), !tellsNotes(placement));
      return { folder, interrupted: false, result };
    }
    const experiment = await openNoted(config, registry, args.quiet, placement);
    if (typeof config.parallel === 'object') {
      return onRanks(placement, experiment, old.method, options, (own) => resumeRun(experiment, folder, own));
    }
    return onShares(
      placement,
      config,
      (ranks) => resumeRun(experiment, folder, { ...options, ranks }),
      (ranks) => trainAlong(experiment, { method: old.method }, ranks, options.signal),
    );
  };
}
