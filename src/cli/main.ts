#!/usr/bin/env node
import yargs, { type Arguments } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { nearest } from '../core/schema-problems.js';
import { benchCommand, benchOptions } from './commands/bench.js';
import { compareCommand, compareOptions } from './commands/compare.js';
import { configsCommand, configsOptions } from './commands/configs.js';
import { dataCommand, dataOptions } from './commands/data.js';
import { doctorCommand, doctorOptions } from './commands/doctor.js';
import { exportCommand, exportOptions } from './commands/export.js';
import { memoryCommand, memoryOptions } from './commands/memory.js';
import { parityCommand, parityOptions } from './commands/parity.js';
import { profileCommand, profileOptions } from './commands/profile.js';
import { probeCommand, probeOptions } from './commands/probe.js';
import { reportCommand, reportOptions } from './commands/report.js';
import { trainCommand, trainOptions } from './commands/train.js';
import { watchCommand, watchOptions } from './commands/watch.js';
import { colored } from './color.js';
import { completions } from './completions.js';
import { exitCodesHelp, reportOf, UsageError } from './errors.js';
import { version } from '../core/version.js';

const commands = [
  'train',
  'compare',
  'configs',
  'doctor',
  'bench',
  'profile',
  'memory',
  'probe',
  'parity',
  'data',
  'export',
  'report',
  'watch',
  'completion',
];
const options = Object.keys({
  ...trainOptions,
  ...compareOptions,
  ...configsOptions,
  ...benchOptions,
  ...profileOptions,
  ...memoryOptions,
  ...probeOptions,
  ...parityOptions,
  ...dataOptions,
  ...doctorOptions,
  ...exportOptions,
  ...reportOptions,
  ...watchOptions,
  help: 0,
  version: 0,
});

/** The message that yargs has for wrong arguments, on one line and with the nearest name. */
function usageError(message: string): UsageError {
  const unknown = /^Unknown arguments?: (\S+?)(,|$)/.exec(message)?.[1];
  if (unknown === undefined) return new UsageError(message.replaceAll(/\s+/g, ' '));
  const isOption = process.argv.some((argument) => argument.startsWith(`--${unknown}`));
  return isOption
    ? new UsageError(`unknown option --${unknown}${nearest(unknown, options)}`)
    : new UsageError(`unknown command or argument "${unknown}"${nearest(unknown, commands)}`);
}

/** Refuses numbers that are none and options given twice, which yargs lets pass. */
function checkArguments(argv: Arguments): true {
  for (const [name, value] of Object.entries(argv)) {
    if (Number.isNaN(value)) throw new UsageError(`--${name} must be a number`);
    if (Array.isArray(value) && !['set', 'plugin', 'from', 'files', 'folders', '_'].includes(name))
      throw new UsageError(`--${name} is given twice`);
  }
  return true;
}

function fail(error: unknown): void {
  const { text, exitCode } = reportOf(error, process.env['LOCALLEARN_DEBUG'] === '1');
  process.stderr.write(colored(text, process.stderr));
  process.exitCode = exitCode;
}

// A reader that goes away (`| head`) takes the output's end with it; the work itself goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await yargs(hideBin(process.argv))
    .scriptName('locallearn')
    .usage('$0 <command>\n\nTrains networks as gradient-isolated blocks, beside end-to-end backpropagation.')
    .locale('en')
    .parserConfiguration({
      'greedy-arrays': false,
      'dot-notation': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'parse-positional-numbers': false,
    })
    .command(trainCommand)
    .command(compareCommand)
    .command(configsCommand)
    .command(doctorCommand)
    .command(benchCommand)
    .command(profileCommand)
    .command(memoryCommand)
    .command(probeCommand)
    .command(parityCommand)
    .command(dataCommand)
    .command(exportCommand)
    .command(reportCommand)
    .command(watchCommand)
    .completion(
      'completion',
      'print what makes bash or zsh complete commands, options and files',
      completions,
    )
    .epilogue(exitCodesHelp)
    .example('$0 compare configs/demo.yaml', 'Fashion-MNIST with four methods, in minutes')
    .demandCommand(1, `a command is missing: ${commands.join(', ')}`)
    .strict()
    .check(checkArguments)
    .version(version)
    .fail((message: string | null, error: Error | undefined) => {
      throw error && error.name !== 'YError' ? error : usageError(message ?? error?.message ?? '');
    })
    .parseAsync();
} catch (error) {
  fail(error);
}
