import type { Options } from 'yargs';
import { benchOptions } from './commands/bench.js';
import { compareOptions } from './commands/compare.js';
import { configsOptions } from './commands/configs.js';
import { fetchOptions } from './commands/data-fetch.js';
import { infoOptions } from './commands/data-info.js';
import { selectionKeys } from './commands/data-options.js';
import { previewOptions } from './commands/data-preview.js';
import { verifyOptions } from './commands/data-verify.js';
import { doctorOptions } from './commands/doctor.js';
import { exportOptions } from './commands/export.js';
import { memoryOptions } from './commands/memory.js';
import { parityOptions } from './commands/parity.js';
import { profileOptions } from './commands/profile.js';
import { probeOptions } from './commands/probe.js';
import { reportOptions } from './commands/report.js';
import { trainOptions } from './commands/train.js';
import { watchOptions } from './commands/watch.js';

export type CommandOptions = Readonly<Record<string, Options>>;

/** The options of each command. */
const commandOptions: Readonly<Record<string, CommandOptions>> = {
  train: trainOptions,
  compare: compareOptions,
  configs: configsOptions,
  doctor: doctorOptions,
  bench: benchOptions,
  profile: profileOptions,
  memory: memoryOptions,
  probe: probeOptions,
  parity: parityOptions,
  data: {},
  'data fetch': fetchOptions,
  'data verify': verifyOptions,
  'data info': infoOptions,
  'data preview': previewOptions,
  export: exportOptions,
  report: reportOptions,
  watch: watchOptions,
  completion: {},
};
/** Without the commands below `data`. */
export const commands: readonly string[] = Object.keys(commandOptions).filter((name) => !name.includes(' '));
export const dataCommands: readonly string[] = Object.keys(commandOptions).flatMap(
  (name) => /^data (.*)$/.exec(name)?.[1] ?? [],
);

/** The command that the words of a command line name, `data info` for one; undefined if there is none in them. */
export function commandOf(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => commands.includes(word));
  const command = words[at];
  if (command !== 'data') return command;
  return words.map((word) => `data ${word}`).find((name) => name in commandOptions) ?? command;
}

/** The options of the command that the words of a command line name. */
export function optionsOf(words: readonly string[]): CommandOptions {
  return commandOptions[commandOf(words) ?? ''] ?? {};
}

/** The keys that the command's `--set` can change; none where it has no such option. */
export async function keysOf(words: readonly string[]): Promise<readonly string[]> {
  if (!('set' in optionsOf(words))) return [];
  if (commandOf(words)?.startsWith('data ') === true) return selectionKeys();
  // TensorFlow.js takes longest to load.
  return (await import('../config/config.js')).configKeys();
}
