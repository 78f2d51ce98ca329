import type { Options } from 'yargs';
import { engineNames } from '../engine/engine.js';
import type { Config, LoadedConfig } from '../config/config.js';
import { notify } from './progress.js';

/** Where run folders go unless `--out` says otherwise. */
export const defaultRuns = 'experiments/runs';

/** Names files of code, beside those of a config. */
export const pluginOption = {
  type: 'string',
  array: true,
  default: [] as string[],
  requiresArg: true,
  describe: 'a file whose code adds methods, nets, data sets, …, e.g. ./my-strategy.ts (may be repeated)',
} as const satisfies Options;

/** The options that the commands over a config share. */
export const configOptions = {
  set: {
    type: 'string',
    array: true,
    default: [] as string[],
    requiresArg: true,
    describe: 'override a value of the config, e.g. train.epochs=2 (may be repeated)',
  },
  plugin: pluginOption,
  seed: { type: 'number', requiresArg: true, describe: 'the same as --set seed=…' },
  engine: {
    choices: ['auto', ...engineNames],
    requiresArg: true,
    describe: 'the same as --set engine=…',
  },
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const satisfies Record<string, Options>;

/** The options that the commands that train share. */
export const runOptions = {
  tensorboard: {
    type: 'boolean',
    default: false,
    describe: "also write TensorBoard's event files into the run folders",
  },
  json: { type: 'boolean', default: false, describe: 'a line of JSON for each run instead of a table' },
} as const satisfies Record<string, Options>;

/** Of commands over a run, or over none: what computes. */
export const engineOption = {
  choices: ['auto', ...engineNames],
  default: 'auto',
  requiresArg: true,
  describe: 'what computes',
} as const satisfies Options;

/** Which weights of a run. */
export const weightsOption = {
  choices: ['best', 'averaged', 'trained'],
  requiresArg: true,
  describe:
    'those of the best epoch in place of the last; of a run with train.ema the averages that were evaluated [default], or what they are averages of',
} as const satisfies Options;

/** Of commands over a run: what of its config may be another, which is where files lie. */
export const runSetOption = {
  ...configOptions.set,
  describe: "where files of the run's config lie now, e.g. data.dir=/data/pets or plugins.0.path=./mine.ts",
} as const satisfies Options;

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
  readonly plugin: readonly string[];
  readonly seed: number | undefined;
  readonly engine: string | undefined;
  readonly quiet: boolean;
}

export interface RunArguments extends ConfigArguments {
  readonly tensorboard: boolean;
  readonly json: boolean;
}

/**
 * The config with the command line's overrides and plugins; `--seed` and `--engine` win over `--set`. Tells which code
 * a config ran.
 */
export async function configOf(args: ConfigArguments): Promise<LoadedConfig> {
  const { config: path, set, plugin, seed, engine, quiet } = args;
  // TensorFlow.js takes longest to load; help does without.
  const { loadConfig } = await import('../config/config.js');
  const loaded = await loadConfig(
    path,
    [
      ...set,
      ...(seed === undefined ? [] : [`seed=${seed}`]),
      ...(engine === undefined ? [] : [`engine=${engine}`]),
    ],
    plugin,
  );
  tellPlugins(loaded.config.plugins ?? [], quiet);
  return loaded;
}

/** Tells which code was run. */
export function tellPlugins(plugins: NonNullable<Config['plugins']>, quiet: boolean): void {
  for (const { path, sha256 } of plugins) notify(`ran the plugin ${path} (SHA-256 ${sha256})`, quiet);
}
