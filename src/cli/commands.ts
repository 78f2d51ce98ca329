import { nameOf, type AnyCommand, type CommandOptions } from './command.js';
import { benchCommand } from './commands/bench.js';
import { compareCommand } from './commands/compare.js';
import { configCommand } from './commands/config.js';
import { configsCommand } from './commands/configs.js';
import { dataCommand } from './commands/data.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { evaluateCommand } from './commands/evaluate.js';
import { exportCommand } from './commands/export.js';
import { learningRateCommand } from './commands/learning-rate.js';
import { memoryCommand } from './commands/memory.js';
import { parityCommand } from './commands/parity.js';
import { predictCommand } from './commands/predict.js';
import { probeCommand } from './commands/probe.js';
import { profileCommand } from './commands/profile.js';
import { reportCommand } from './commands/report.js';
import { setupCommand } from './commands/setup.js';
import { summaryCommand } from './commands/summary.js';
import { sweepCommand } from './commands/sweep.js';
import { trainCommand } from './commands/train.js';
import { watchCommand } from './commands/watch.js';

/** All commands, as help lists them. */
export const commands: readonly AnyCommand[] = [
  demoCommand,
  trainCommand,
  compareCommand,
  sweepCommand,
  configsCommand,
  configCommand,
  summaryCommand,
  doctorCommand,
  setupCommand,
  benchCommand,
  profileCommand,
  memoryCommand,
  learningRateCommand,
  evaluateCommand,
  predictCommand,
  probeCommand,
  parityCommand,
  dataCommand,
  exportCommand,
  reportCommand,
  watchCommand,
];

/** The command that yargs makes itself. */
export const completionName = 'completion';

/** Everything that can follow the program's name. */
export const commandNames: readonly string[] = [...commands.map(nameOf), completionName];

/** The command that the words of a command line name, `info` of `data` for one; undefined if there is none in them. */
export function commandOf(words: readonly string[]): AnyCommand | undefined {
  const name = words.find((word) => commandNames.includes(word));
  const command = commands.find((each) => nameOf(each) === name);
  return command?.commands?.find((each) => words.includes(nameOf(each))) ?? command;
}

/** The names of that command, as they are typed: `data info`; nothing where the words name none. */
export function pathOf(words: readonly string[]): string {
  const name = words.find((word) => commandNames.includes(word)) ?? '';
  const inner = commands
    .find((each) => nameOf(each) === name)
    ?.commands?.map(nameOf)
    .find((each) => words.includes(each));
  return inner === undefined ? name : `${name} ${inner}`;
}

/** The commands that have an option of that name. */
export function ownersOf(option: string): readonly string[] {
  // A hidden option is a former name, which nobody is sent to.
  const has = ({ options }: AnyCommand): boolean =>
    Object.hasOwn(options, option) && options[option]!.hidden !== true;
  return commands.flatMap((command) => [
    ...(has(command) ? [nameOf(command)] : []),
    ...(command.commands ?? []).flatMap((inner) =>
      has(inner) ? [`${nameOf(command)} ${nameOf(inner)}`] : [],
    ),
  ]);
}

/** The names that may follow those words where a command is wanted; none where that is complete. */
export function namesAfter(words: readonly string[]): readonly string[] {
  if (!words.some((word) => commandNames.includes(word))) return commandNames;
  return commandOf(words)?.commands?.map(nameOf) ?? [];
}

/** The options of the command that the words of a command line name. */
export function optionsOf(words: readonly string[]): CommandOptions {
  return commandOf(words)?.options ?? {};
}

/** The keys that the command's `--set` can change; none where it has no such option. */
export async function keysOf(words: readonly string[]): Promise<readonly string[]> {
  const command = commandOf(words);
  if (command === undefined || !('set' in command.options)) return [];
  // TensorFlow.js takes longest to load.
  return command.keys?.() ?? (await import('../config/config.js')).configKeys();
}
