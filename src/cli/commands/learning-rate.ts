import { UserError } from '../../core/errors.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { withInterrupts } from '../interrupts.js';
import { configArgument, configOf, configOptions, type ConfigArguments } from '../options.js';
import { notify, notifyOfData, scanNotes } from '../progress.js';
import { amountProgress } from './amount-progress.js';

const rangeOptions = {
  ...configOptions,
  method: { type: 'string', requiresArg: true, describe: 'this one of the config, by its label' },
  from: { type: 'number', default: 1e-5, requiresArg: true, describe: 'the learning rate of the first step' },
  to: { type: 'number', default: 10, requiresArg: true, describe: 'that of the last' },
  steps: { type: 'number', default: 100, requiresArg: true, describe: 'how many, at most' },
  json: {
    type: 'boolean',
    default: false,
    describe: 'a line of JSON with all rates and losses instead of a table',
  },
} as const;

interface RangeArguments extends ConfigArguments {
  readonly method: string | undefined;
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly json: boolean;
}

export const learningRateCommand: Command<object, RangeArguments> = {
  command: 'learning-rate <config>',
  options: rangeOptions,
  describe: "find a learning rate: each update's loss as the rate rises step by step",
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(rangeOptions)
      .example('$0 learning-rate configs/auglocal.yaml', '')
      .example('$0 learning-rate configs/demo.yaml --method man --to 1', ''),
  handler: async ({ method: name, from, to, steps, json, ...args }) => {
    if (!(from > 0 && to > from)) {
      throw new UsageError(`--from must be above 0 and --to above it, not ${from} and ${to}`);
    }
    if (!Number.isInteger(steps) || steps < 2) {
      throw new UsageError(`--steps must be a whole number from 2, not ${steps}`);
    }
    const { config, registry } = await configOf(args);
    const { accumulateOf, labelOf } = await import('../../config/method-config.js');
    const methods = config.methods ?? [config.method!];
    const method =
      name === undefined && methods.length === 1
        ? methods[0]
        : methods.find((each) => labelOf(each) === name);
    if (method === undefined) {
      throw new UserError(
        `choose one of the config's methods with --method: ${methods.map(labelOf).join(', ')}`,
      );
    }
    const { openExperiment } = await import('../../runs/experiment.js');
    const { prepareMethod } = await import('../../runs/prepare-method.js');
    const { withStrategy } = await import('../../runs/method-strategy.js');
    const { startState } = await import('../../runs/start-state.js');
    const { sectionOf } = await import('../../runs/training-settings.js');
    const { rateRange } = await import('../../study/rate-range.js');
    const { rateRangeText } = await import('../../study/rate-range-output.js');
    await withInterrupts(async (signal) => {
      const experiment = await openExperiment(config, registry, scanNotes(args.quiet));
      notify(experiment.notice, args.quiet);
      notifyOfData(experiment.dataset, config.train);
      const chosen = await prepareMethod(experiment, method, { signal });
      const progress = amountProgress(process.stderr, args.quiet || json);
      const { engine, dataset } = experiment;
      const accumulate = accumulateOf(chosen.method, config.train);
      const start = startState(config.train, false);
      const settings = { ...sectionOf(config.train), accumulate, seed: config.seed, engine };
      const onStep = (done: number): void =>
        progress.update({ label: labelOf(method), unit: 'steps', done, total: steps });
      const range = await withStrategy(experiment, chosen.method, (strategy) =>
        rateRange(strategy, dataset, settings, registry.optimizers, {
          from,
          to,
          steps,
          start,
          signal,
          onStep,
        }),
      ).finally(() => progress.end());
      process.stdout.write(json ? `${JSON.stringify(range)}\n` : rateRangeText(range));
    });
  },
};
