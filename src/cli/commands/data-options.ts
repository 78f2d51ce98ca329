import type { Options } from 'yargs';
import { z } from 'zod';
import type { DatasetKind } from '../../data/kind.js';
import { builtInDatasets } from '../../data/kinds/built-in.js';
import { dataSchema, type DataOptions } from '../../data/options.js';
import { readDocument, readText, type ConfigDocument } from '../../config/document.js';
import { applyOverrides, overrideOf, parseOverride } from '../../config/overrides.js';
import { keyPaths } from '../../config/schema-paths.js';
import { validate } from '../../config/validate-document.js';
import { UsageError } from '../errors.js';
import { pluginOption, tellPlugins } from '../options.js';

/** The options that choose a data set. */
export const selectionOptions = {
  dir: {
    type: 'string',
    requiresArg: true,
    describe: "the data set's folder [datasets/<name>]",
  },
  file: { type: 'string', requiresArg: true, describe: 'the list of the data set csv' },
  config: {
    type: 'string',
    requiresArg: true,
    describe: 'take the data section of this config, with what it extends, instead of a name',
  },
  set: {
    type: 'string',
    array: true,
    default: [] as string[],
    requiresArg: true,
    describe: 'set or override a value, e.g. data.imageSize=64 (may be repeated)',
  },
  plugin: pluginOption,
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const satisfies Record<string, Options>;

/** The argument that names the data set. */
export const nameArgument = {
  type: 'string',
  describe: `${builtInDatasets.map(({ name }) => name).join(', ')}, or a plugin's`,
} as const;

/** What yargs makes of them. */
export interface SelectionArguments {
  readonly name: string | undefined;
  readonly dir: string | undefined;
  readonly file: string | undefined;
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly plugin: readonly string[];
  readonly quiet: boolean;
}

/** What of a config a data set's images depend on; the rest is not looked at. */
const selectionSchema = (kinds: readonly DatasetKind[]) =>
  z.looseObject({
    data: dataSchema(kinds),
    seed: z.int().min(0).default(1),
    train: z.looseObject({ augment: z.boolean().default(true) }).prefault({}),
  });

/** Of every value that `--set` can change here. */
export const selectionKeys = (): readonly string[] => keyPaths(selectionSchema(builtInDatasets));

export interface Selection {
  readonly data: DataOptions;
  readonly seed: number;
  /** Whether training images are varied. */
  readonly augment: boolean;
  /** The data sets that there are: the built-in ones and those of plugins. */
  readonly kinds: readonly DatasetKind[];
}

/** The data set that the command line chooses. Runs the plugins that it, or its config, names. */
export async function selectionOf(args: SelectionArguments): Promise<Selection> {
  const document = documentOf(args);
  const kinds = await kindsOf(document, args);
  const { data, seed, train } = validate(selectionSchema(kinds), document);
  return { data, seed, augment: train.augment, kinds };
}

function documentOf({ name, dir, file, config, set }: SelectionArguments): ConfigDocument {
  if ((name === undefined) === (config === undefined)) {
    throw new UsageError('either the name of a data set or --config is needed');
  }
  if (config !== undefined && (dir !== undefined || file !== undefined)) {
    throw new UsageError('--dir and --file go with a name; with --config use --set data.dir=…');
  }
  if (config !== undefined) return readDocument(readText(config), config, set);
  return commandLineDocument(
    { data: { name, ...(dir !== undefined && { dir }), ...(file !== undefined && { file }) } },
    set,
  );
}

async function kindsOf(
  document: ConfigDocument,
  { plugin, quiet }: SelectionArguments,
): Promise<readonly DatasetKind[]> {
  const value = document.valueFor(z.unknown());
  const named = typeof value === 'object' && value !== null && 'plugins' in value;
  // TensorFlow.js, which plugins are given, takes longest to load.
  if (!named && plugin.length === 0) return builtInDatasets;
  const { registryOf } = await import('../../config/config.js');
  const { registry, ran } = await registryOf(document, plugin);
  tellPlugins(ran, quiet);
  return registry.datasets;
}

/** What was said on the command line alone. */
function commandLineDocument(value: unknown, set: readonly string[]): ConfigDocument {
  const changes = set.map(parseOverride);
  return {
    valueFor: (schema) => applyOverrides(value, changes, schema),
    locate: (path) => {
      const change = overrideOf(changes, path, value);
      return change === undefined ? '' : `--set ${change.text}`;
    },
    // Relative paths begin at the working directory.
    folderOf: () => '.',
  };
}
