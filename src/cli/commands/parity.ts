import { engineNames } from '../../engine/engine.js';
import { UserError } from '../../core/errors.js';
import type { Command } from '../command.js';
import { exitCodes } from '../errors.js';
import { notify } from '../progress.js';

const parityOptions = {
  engine: {
    choices: ['auto', ...engineNames],
    default: 'auto',
    requiresArg: true,
    describe: 'what computes',
  },
  strict: {
    type: 'boolean',
    default: false,
    describe: 'allow nothing for rounding in files without double precision either',
  },
} as const;

interface ParityArguments {
  readonly files: readonly string[];
  readonly engine: (typeof parityOptions.engine.choices)[number];
  readonly strict: boolean;
}

export const parityCommand: Command<object, ParityArguments> = {
  command: 'parity <files..>',
  options: parityOptions,
  describe: 'rebuild published runs from files of golden numbers and compare; a line of JSON a file',
  builder: (yargs) =>
    yargs
      .positional('files', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'JSON files of golden numbers',
      })
      .options(parityOptions)
      .example('$0 parity test/fixtures/golden/*.json', 'exit code 1 if any differs'),
  handler: async ({ files, engine: choice, strict }) => {
    const { selectEngine } = await import('../../engine/select.js');
    const { readGoldenFile } = await import('../../parity/golden-file.js');
    const { checkParity } = await import('../../parity/parity.js');
    const { notice } = await selectEngine(choice, { fullPrecision: true });
    notify(notice, false);
    for (const file of files) {
      try {
        const report = checkParity(readGoldenFile(file), { strict });
        process.stdout.write(`${JSON.stringify({ file, ...report })}\n`);
        if (!report.pass) process.exitCode = exitCodes.failure;
      } catch (error) {
        // The other files still have their say.
        if (!(error instanceof UserError)) throw error;
        const { message } = error;
        process.stderr.write(`error: ${message.startsWith(file) ? message : `${file}: ${message}`}\n`);
        process.exitCode = exitCodes.failure;
      }
    }
  },
};
