import type { ProbeProgress } from '../../study/probe-units.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { engineOption, runSetOption, tellPlugins } from '../options.js';
import { notify, scanNotes } from '../progress.js';
import { withProgress } from './with-progress.js';

const probeOptions = {
  set: runSetOption,
  against: {
    type: 'string',
    requiresArg: true,
    describe: 'instead of probing, compare the units with those of this run (linear CKA)',
  },
  images: {
    type: 'number',
    default: 10_000,
    requiresArg: true,
    describe: 'the most training images to fit probes to, or test images to compare on',
  },
  engine: engineOption,
  json: { type: 'boolean', default: false, describe: 'a line of JSON instead of a table' },
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const;

interface ProbeArguments {
  readonly run: string;
  readonly set: readonly string[];
  readonly against: string | undefined;
  readonly images: number;
  readonly engine: (typeof probeOptions.engine.choices)[number];
  readonly json: boolean;
  readonly quiet: boolean;
}

export const probeCommand: Command<object, ProbeArguments> = {
  command: 'probe <run>',
  options: probeOptions,
  describe:
    "what a trained run's units know: a linear classifier after each, or their likeness to another run's",
  builder: (yargs) =>
    yargs
      .positional('run', { type: 'string', demandOption: true, describe: 'a run folder' })
      .options(probeOptions)
      .example('$0 probe experiments/runs/<run>', 'writes probe.json into the folder')
      .example('$0 probe experiments/runs/<run> --against experiments/runs/<bp>', 'writes cka-<bp>.json'),
  handler: async ({ run: folder, set, against, images, engine, json, quiet }) => {
    if (!Number.isInteger(images) || images < 1) {
      throw new UsageError(`--images must be a whole number from 1, not ${images}`);
    }
    const { readTrainedRun } = await import('../../runs/trained-network.js');
    const { compareRuns, probeRun } = await import('../../study/run-probe.js');
    const { probeTable, similarityTable } = await import('../../study/output.js');
    const run = await readTrainedRun(folder, set);
    const other = against === undefined ? undefined : await readTrainedRun(against, set);
    tellPlugins([...(run.config.plugins ?? []), ...(other?.config.plugins ?? [])], quiet);
    await withProgress(quiet, async (progress, signal) => {
      const options = {
        ...{ engine, images, signal },
        onProgress: (amount: ProbeProgress) => progress.update(amount),
        onNotice: (notice: string) => notify(notice, quiet),
        onScan: scanNotes(quiet),
      };
      if (other === undefined) {
        const { report, path } = await probeRun(run, options);
        progress.end();
        process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${probeTable(report)}\n${path}\n`);
      } else {
        const { report, path } = await compareRuns(run, other, options);
        progress.end();
        process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${similarityTable(report)}\n${path}\n`);
      }
    });
  },
};
