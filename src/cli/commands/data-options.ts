import type { Options } from 'yargs';
import { z } from 'zod';
import { dataOptionsSchema, type DataOptions } from '../../data/options.js';
import { readDocument, readText, type ConfigDocument } from '../../config/document.js';
import { applyOverrides, overrideOf, parseOverride } from '../../config/overrides.js';
import { keyPaths } from '../../config/schema-paths.js';
import { validate } from '../../config/validate-document.js';
import { UsageError } from '../errors.js';

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
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
} as const satisfies Record<string, Options>;

/** The argument that names the data set. */
export const nameArgument = {
  type: 'string',
  describe: 'cifar10, cifar100, svhn, stl10, fashion-mnist, imagenet, folder or csv',
} as const;

/** What yargs makes of them. */
export interface SelectionArguments {
  readonly name: string | undefined;
  readonly dir: string | undefined;
  readonly file: string | undefined;
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly quiet: boolean;
}

/** What of a config a data set's images depend on; the rest is not looked at. */
const documentSchema = z.looseObject({
  data: dataOptionsSchema,
  seed: z.int().min(0).default(1),
  train: z.looseObject({ augment: z.boolean().default(true) }).prefault({}),
});

/** Of every value that `--set` can change here. */
export const selectionKeys = (): readonly string[] => keyPaths(documentSchema);

export interface Selection {
  readonly data: DataOptions;
  readonly seed: number;
  /** Whether training images are varied. */
  readonly augment: boolean;
}

/** The data set that the command line chooses. */
export function selectionOf({ name, dir, file, config, set }: SelectionArguments): Selection {
  if ((name === undefined) === (config === undefined)) {
    throw new UsageError('either the name of a data set or --config is needed');
  }
  if (config !== undefined && (dir !== undefined || file !== undefined)) {
    throw new UsageError('--dir and --file go with a name; with --config use --set data.dir=…');
  }
  const document =
    config === undefined
      ? documentOf(
          { data: { name, ...(dir !== undefined && { dir }), ...(file !== undefined && { file }) } },
          set,
        )
      : readDocument(readText(config), config, set);
  const { data, seed, train } = validate(documentSchema, document);
  return { data, seed, augment: train.augment };
}

/** What was said on the command line alone. */
function documentOf(value: unknown, set: readonly string[]): Pick<ConfigDocument, 'valueFor' | 'locate'> {
  const changes = set.map(parseOverride);
  return {
    valueFor: (schema) => applyOverrides(value, changes, schema),
    locate: (path) => {
      const change = overrideOf(changes, path);
      return change === undefined ? '' : `--set ${change.text}`;
    },
  };
}
