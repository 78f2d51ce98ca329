import yargs, { type Arguments } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { onFormerName } from '../core/former-names.js';
import { nearest } from '../core/schema-problems.js';
import { colored } from './color.js';
import { listsOf, type CommandOptions } from './command.js';
import {
  commandNames,
  commandOf,
  commands,
  completionName,
  keysOf,
  namesAfter,
  optionsOf,
  ownersOf,
  pathOf,
} from './commands.js';
import { completions } from './completions.js';
import { exitCodesHelp, reportOf, UsageError } from './errors.js';
import { expandHome } from '../core/home.js';
import { insteadOf } from './unknown-option.js';
import { version } from '../core/version.js';

/** Of an option that the command does not have. */
class UnknownOption extends Error {
  constructor(readonly option: string) {
    super(option);
  }
}

/** The message that yargs has for wrong arguments, on one line and with the nearest name. */
function usageError(message: string): Error {
  const unknown = /^Unknown arguments?: (\S+?)(,|$)/.exec(message)?.[1];
  if (unknown === undefined) return new UsageError(message.replaceAll(/\s+/g, ' '));
  const isOption = process.argv.some((argument) => argument.startsWith(`--${unknown}`));
  if (isOption) return new UnknownOption(unknown);
  const names = namesAfter(hideBin(process.argv));
  return new UsageError(`unknown command or argument "${unknown}"${nearest(unknown, names)}`);
}

/** Says what to type in the place of an unknown option: what the command at hand has, nothing of another. */
async function explain({ option }: UnknownOption): Promise<UsageError> {
  const words = hideBin(process.argv);
  const own = optionsOf(words);
  const keys = await keysOf(words);
  const at = words.findIndex((word) => word === `--${option}` || word.startsWith(`--${option}=`));
  const inWord = words[at]?.slice(`--${option}=`.length);
  const next = words[at + 1]?.startsWith('--') === true ? undefined : words[at + 1];
  const value = words[at]?.includes('=') === true ? inWord : next;
  const vocabulary = { options: [...Object.keys(own), 'help', 'version'], keys, owners: ownersOf(option) };
  return new UsageError(`unknown option --${option}${insteadOf(option, value, vocabulary)}`);
}

/**
 * Of an option given twice the last counts, so that a script's own can be changed by what is added behind it; lists are
 * added up. `~/` is the home folder, also behind `--out=`, where a shell leaves it.
 */
function settle(argv: Arguments): void {
  const home = (value: unknown): unknown => (typeof value === 'string' ? expandHome(value) : value);
  const own = optionsOf(hideBin(process.argv));
  for (const [name, value] of Object.entries(argv)) {
    if (!Array.isArray(value)) argv[name] = home(value);
    else argv[name] = Object.hasOwn(own, name) && !isList(name, own) ? home(value.at(-1)) : value.map(home);
  }
}

function isList(name: string, own: CommandOptions): boolean {
  const command = commandOf(hideBin(process.argv));
  const lists = command === undefined ? [] : listsOf(command);
  return name === '_' || lists.includes(name) || own[name]?.array === true;
}

/** Refuses numbers that are none, which yargs lets pass, and an argument that is there as an option too. */
function checkArguments(argv: Arguments): true {
  const own = optionsOf(hideBin(process.argv));
  for (const [name, value] of Object.entries(argv)) {
    if (Number.isNaN(value)) throw new UsageError(`--${name} must be a number`);
    if (Array.isArray(value) && !isList(name, own)) throw new UsageError(`${name} is given twice`);
  }
  return true;
}

function fail(error: unknown): void {
  // Words that the shell asks to complete are not finished: what they lack is not said between the candidates.
  if (process.argv[2] === '--get-yargs-completions') return;
  const { text, exitCode } = reportOf(
    error,
    process.env['LOCALLEARN_DEBUG'] === '1',
    pathOf(hideBin(process.argv)),
  );
  process.stderr.write(colored(text, process.stderr));
  process.exitCode = exitCode;
}

/**
 * Runs the command line that is in `process.argv` to its end. What goes wrong is told on standard error and in
 * `process.exitCode`; help and version end the process.
 */
export async function runCommandLine(): Promise<void> {
  onFormerName((line) => process.stderr.write(colored(`note: ${line}\n`, process.stderr)));
  try {
    await parsed();
  } catch (error) {
    fail(error instanceof UnknownOption ? await explain(error) : error);
  }
}

/** Settled when the command is done. */
async function parsed(): Promise<void> {
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
    .command([...commands])
    .completion(
      completionName,
      'print what makes bash or zsh complete commands, options and files',
      completions,
    )
    .epilogue(exitCodesHelp)
    .example('$0 demo', 'Fashion-MNIST in five ways, in minutes')
    .demandCommand(1, `a command is missing: ${commandNames.join(', ')}`)
    .strict()
    .middleware(settle, true)
    .check(checkArguments)
    .version(version)
    .fail((message: string | null, error: Error | undefined) => {
      throw error && error.name !== 'YError' ? error : usageError(message ?? error?.message ?? '');
    })
    .parseAsync();
}
