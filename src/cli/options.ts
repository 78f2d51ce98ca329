import type { Options } from 'yargs';
import { engineNames } from '../engine/engine.js';
import { loadConfig, type Config } from '../experiment/config.js';

/** Where run folders go unless `--out` says otherwise. */
export const defaultRuns = 'experiments/runs';

/** The options that the commands over a config share. */
export const configOptions = {
  set: {
    type: 'string',
    array: true,
    default: [] as string[],
    requiresArg: true,
    describe: 'override a value of the config, e.g. train.epochs=2 (may be repeated)',
  },
  seed: { type: 'number', requiresArg: true, describe: 'the same as --set seed=…' },
  engine: {
    choices: ['auto', ...engineNames],
    requiresArg: true,
    describe: 'the same as --set engine=…',
  },
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const satisfies Record<string, Options>;

/** The argument that names the config. */
export const configArgument = {
  type: 'string',
  demandOption: true,
  describe: 'a YAML file; see configs/',
} as const;

/** What yargs makes of them. */
export interface ConfigArguments {
  readonly config: string;
  readonly set: readonly string[];
  readonly seed: number | undefined;
  readonly engine: string | undefined;
  readonly quiet: boolean;
}

/** The config with the command line's overrides; `--seed` and `--engine` win over `--set`. */
export function configOf({ config, set, seed, engine }: ConfigArguments): Config {
  return loadConfig(config, [
    ...set,
    ...(seed === undefined ? [] : [`seed=${seed}`]),
    ...(engine === undefined ? [] : [`engine=${engine}`]),
  ]);
}
