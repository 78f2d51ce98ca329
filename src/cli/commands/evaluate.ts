import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { engineOption, runSetOption, tellPlugins, weightsOption } from '../options.js';
import { notify, scanNotes } from '../progress.js';
import { withProgress } from './with-progress.js';

const evaluateOptions = {
  set: runSetOption,
  on: {
    choices: ['test', 'train'] as const,
    default: 'test' as const,
    requiresArg: true,
    describe: 'the images that training evaluated on, or those that it learned from',
  },
  data: {
    type: 'string',
    requiresArg: true,
    describe:
      "other images of the run's classes, as a config has them: fashion-mnist, or '{ name: folder, dir: photos }'",
  },
  weights: weightsOption,
  engine: engineOption,
  csv: { type: 'boolean', default: false, describe: 'the confusion matrix as CSV instead of a table' },
  json: { type: 'boolean', default: false, describe: 'a line of JSON instead of a table' },
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const;

interface EvaluateArguments {
  readonly run: string;
  readonly set: readonly string[];
  readonly on: 'test' | 'train';
  readonly data: string | undefined;
  readonly weights: (typeof weightsOption.choices)[number] | undefined;
  readonly engine: (typeof evaluateOptions.engine.choices)[number];
  readonly csv: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

export const evaluateCommand: Command<object, EvaluateArguments> = {
  command: 'evaluate <run>',
  options: evaluateOptions,
  describe: 'accuracy of a trained run class by class, and which classes it takes for which',
  builder: (yargs) =>
    yargs
      .positional('run', { type: 'string', demandOption: true, describe: 'a run folder' })
      .options(evaluateOptions)
      .example('$0 evaluate experiments/runs/<run>', '')
      .example('$0 evaluate experiments/runs/<run> --csv > confusion.csv', 'true classes by answers')
      .example(
        "$0 evaluate experiments/runs/<run> --weights best --data '{ name: folder, dir: photos }'",
        '',
      ),
  handler: async ({ run: folder, set, on, data, weights, engine, csv, json, quiet }) => {
    if (csv && json) throw new UsageError('--csv and --json cannot both be given');
    const { readTrainedRun } = await import('../../runs/trained-network.js');
    const { chooseWeights } = await import('../../runs/which-weights.js');
    const { evaluateRun } = await import('../../study/evaluate-run.js');
    const { confusionCsv, evaluationTable } = await import('../../study/evaluation-output.js');
    const { recordEvaluation } = await import('../../study/evaluation-file.js');
    const { WriteFailure } = await import('../../runs/write-failure.js');
    const run = chooseWeights(await readTrainedRun(folder, set), weights);
    tellPlugins(run.config.plugins ?? [], quiet);
    await withProgress(quiet, async (progress, signal) => {
      const evaluation = await evaluateRun(run, {
        ...{ engine, on, data, signal },
        onProgress: (amount) => progress.update(amount),
        onNotice: (notice) => notify(notice, quiet),
        onScan: scanNotes(quiet),
      });
      progress.end();
      if (json) process.stdout.write(`${JSON.stringify({ run: folder, ...evaluation })}\n`);
      else process.stdout.write(csv ? confusionCsv(evaluation) : evaluationTable(evaluation));
      try {
        if (weights === undefined) recordEvaluation(folder, evaluation, run.summary.epochs!);
      } catch (error) {
        if (!(error instanceof WriteFailure)) throw error;
        notify(`not recorded for the report: ${error.message}`, quiet);
      }
    });
  },
};
