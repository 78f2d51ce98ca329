import { z } from 'zod';
import { parallelSchema } from './parallel.js';
import { dataSchema } from '../data/options.js';
import { engineNames } from '../engine/engine.js';
import { builtInRegistry, registryWith, type Registry } from './registry.js';
import { namedOptionsSchema } from '../core/choice.js';
import { checkGiven, pathSchema } from '../core/given.js';
import { readDocument, readText } from './document.js';
import {
  baselineOf,
  baselinesSchema,
  isBaseline,
  labelOf,
  methodDocument,
  methodSchema,
  withBaselines,
  type MethodConfig,
} from './method-config.js';
import type { NetworkKind } from '../networks/network.js';
import { cannotCut } from '../train/micro-batches.js';
import { trainSchema } from '../train/optimizers.js';
import { type ConfigDocument } from './document.js';
import { loadPlugins } from './plugins.js';
import { configJsonSchema, type JsonSchema } from './json-schema.js';
import { orMap } from './recorded-file.js';
import { keyPaths } from './schema-paths.js';
import { sha256Schema } from '../core/sha256.js';
import { identifyState, startStateSchema } from './start-state.js';
import { identifyWeights, startWeightsSchema, type StartedNetwork } from './start-weights.js';
import { validate } from './validate-document.js';

/** Files whose code adds methods and choices: a path, or that with the file's SHA-256, as run folders record it. */
const pluginsSchema = z
  .array(
    z.preprocess(
      (value) => (typeof value === 'string' ? { path: value } : value),
      z.strictObject(
        {
          /** Relative to the folder of the file that names it, by `--set` to the current one. */
          path: z.string().min(1),
          /** Of the file that it must be. */
          sha256: sha256Schema.exactOptional(),
        },
        { error: orMap('the path of a plugin', '{ path, sha256 }') },
      ),
    ),
  )
  .min(1)
  .exactOptional();

function refuseTwins(methods: readonly MethodConfig[], context: z.RefinementCtx): void {
  methods.forEach((method, i) => {
    const twin = methods.findIndex((other) => labelOf(other) === labelOf(method));
    if (twin === i) return;
    const message = `both methods.${twin} and methods.${i} are called "${labelOf(method)}"; give one a label`;
    context.addIssue({ code: 'custom', path: [i], message });
  });
}

/** Refuses methods whose micro-batches do not fill the batch. */
function refuseUneven(
  batchSize: number,
  accumulates: readonly (readonly [path: readonly (string | number)[], accumulate: number | undefined])[],
  context: z.RefinementCtx,
): void {
  for (const [path, accumulate = 1] of accumulates) {
    if (batchSize % accumulate === 0) continue;
    context.addIssue({ code: 'custom', path: [...path], message: cannotCut(batchSize, accumulate) });
  }
}

function refuseRepeats(seeds: readonly number[], context: z.RefinementCtx): void {
  const repeated = seeds.find((seed, i) => seeds.indexOf(seed) < i);
  if (repeated === undefined) return;
  context.addIssue({ code: 'custom', message: `must be different seeds; ${repeated} is there twice` });
}

/** A network, and the weights that it starts with where they are not drawn. */
function networkSchema(kinds: readonly NetworkKind[]) {
  const shared = { weights: startWeightsSchema.exactOptional() };
  return namedOptionsSchema(kinds, shared) as unknown as z.ZodType<StartedNetwork>;
}

/** Everything that decides an experiment's numbers, with the methods that there are. */
function configSchema(registry: Registry) {
  const method = methodSchema(registry.methods);
  return z
    .strictObject({
      /** Config files that this one adds to; what is left of it here came by `--set`. */
      extends: z.undefined({ error: 'can only be said in a file' }).exactOptional(),
      /** Part of the run folders' names. */
      name: z
        .string()
        .max(80)
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" and "-"'),
      seed: z.int().min(0).default(1),
      /** In place of `seed`, for comparisons. */
      seeds: z.array(z.int().min(0)).min(1).superRefine(refuseRepeats).exactOptional(),
      engine: z.enum(['auto', ...engineNames]).default('auto'),
      plugins: pluginsSchema,
      data: dataSchema(registry.datasets),
      network: networkSchema(registry.networks),
      train: trainSchema(registry.optimizers, registry.schedules).safeExtend({
        /** Begins where another run is: with its weights, auxiliary nets and what its optimiser keeps. */
        init: startStateSchema.exactOptional(),
      }),
      parallel: parallelSchema,
      method: method.exactOptional(),
      methods: z.array(method).min(1).superRefine(refuseTwins).exactOptional(),
      /** What `compare` trains beside the methods: BP if not given. */
      baselines: baselinesSchema,
    })
    .superRefine((config, context) => {
      if ((config.method === undefined) === (config.methods === undefined)) {
        const message = 'must have either "method" (one) or "methods" (a list to compare)';
        context.addIssue({ code: 'custom', message });
      }
      const { train, method: one, methods = [], baselines = [] } = config;
      if (train.init !== undefined && config.network.weights !== undefined) {
        const message = 'cannot go with network.weights, which are part of the state that a run begins with';
        context.addIssue({ code: 'custom', path: ['train', 'init'], message });
      }
      const { parallel } = config;
      if (train.syncBatchNorm === true && parallel !== 'data' && !(parallel && parallel.data > 1)) {
        const message =
          'is for parallel: data, whose ranks see a share of each batch; all others see the whole: leave it out';
        context.addIssue({ code: 'custom', path: ['train', 'syncBatchNorm'], message });
      }
      if (train.syncBatchNorm === true && [one, ...methods].some((each) => each?.recompute === 'auto')) {
        const message =
          'cannot go with recompute: auto, which every rank measures for itself, so that they would wait for other sums than each other: name what to recompute';
        context.addIssue({ code: 'custom', path: ['train', 'syncBatchNorm'], message });
      }
      refuseUneven(
        train.batchSize,
        [
          [['method', 'accumulate'], one?.accumulate],
          ...methods.map(({ accumulate }, i) => [['methods', i, 'accumulate'], accumulate] as const),
          ...baselines.map((name, i) => [['baselines', i], baselineOf(name).accumulate] as const),
        ],
        context,
      );
    });
}

/** Made once, as that takes longer than to check a config. */
const builtInConfigSchema = configSchema(builtInRegistry);

/** The JSON Schema of config files, for editors: `schemas/config.json`. */
export const configFileSchema = (): JsonSchema => configJsonSchema(builtInConfigSchema);

/** Of every value that a config can have, as `--set` names it. */
export const configKeys = (): readonly string[] => keyPaths(builtInConfigSchema);

/** A config file's content, every default filled in: everything that decides an experiment's numbers. */
export type Config = z.infer<typeof builtInConfigSchema>;

/** The methods that a config compares: its own, with its baselines in front where they are missing. */
export function comparedMethods(config: Config): MethodConfig[] {
  const methods = config.methods ?? (config.method ? [config.method] : []);
  return withBaselines(methods, config.baselines ?? (methods.some(isBaseline) ? [] : ['bp']));
}

/** A config as a file has it, which `parseConfig` reads: what is written down, and compared key by key. */
export function configDocument(config: Config): Record<string, unknown> {
  checkGiven('configDocument', { config: z.looseObject({ train: z.looseObject({}) }) }, { config });
  const { method, methods, ...rest } = config;
  return {
    ...rest,
    ...(method === undefined ? {} : { method: methodDocument(method) }),
    ...(methods === undefined ? {} : { methods: methods.map(methodDocument) }),
  };
}

/** The seeds that a config is trained with. */
export function comparedSeeds({ seeds, seed }: Config): readonly number[] {
  return seeds ?? [seed];
}

/** A config, and the methods and choices that it can name: the built-in ones and those of its plugins. */
export interface LoadedConfig {
  readonly config: Config;
  readonly registry: Registry;
}

const textsSchema = z.array(z.string());
const loadForms = { path: pathSchema, overrides: textsSchema, plugins: textsSchema };
const parseForms = { text: z.string(), file: z.string(), overrides: textsSchema };

/**
 * Reads, overrides and validates a config file and those that it `extends`. Its `plugins` are code, which runs here, as do those of the command
 * line: the config then lists them all by absolute path and SHA-256, and so the weights that its network starts with.
 *
 * @param path a YAML file
 * @param overrides `a.b=value` each, applied in order before validation; relative paths in them start from the working directory
 * @param plugins paths of plugins beside the config's, relative to the working directory
 * @returns the config with every default filled in
 * @throws UserError if the file can't be read, is not YAML, or breaks the schema (then with a line for each problem),
 * or a plugin can't be loaded, or the weights can't be read
 */
export async function loadConfig(
  path: string,
  overrides: readonly string[] = [],
  plugins: readonly string[] = [],
): Promise<LoadedConfig> {
  checkGiven('loadConfig', loadForms, { path, overrides, plugins });
  const document = readDocument(readText(path), path, overrides);
  const { registry, ran } = await registryOf(document, plugins);
  const schema = ran.length === 0 ? builtInConfigSchema : configSchema(registry);
  const config = withIdentifiedState(withIdentifiedWeights(validate(schema, document), document), document);
  return { config: ran.length === 0 ? config : { ...config, plugins: ran }, registry };
}

function withIdentifiedWeights({ network, ...rest }: Config, document: ConfigDocument): Config {
  const path = ['network', 'weights'];
  if (network.weights === undefined) return { ...rest, network };
  const weights = identifyWeights(
    network.weights,
    document.folderOf([...path, 'file']),
    document.locate(path),
  );
  return { ...rest, network: { ...network, weights } };
}

function withIdentifiedState({ train, ...rest }: Config, document: ConfigDocument): Config {
  const path = ['train', 'init'];
  if (train.init === undefined) return { ...rest, train };
  const init = identifyState(train.init, document.folderOf([...path, 'from']), document.locate(path));
  return { ...rest, train: { ...train, init } };
}

/** A plugin that was run, by absolute path, as run folders record it. */
export interface RanPlugin {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Runs the plugins that a document names and those of the command line: what is built in, and what they add.
 *
 * @param plugins paths of plugins beside the document's, relative to the working directory
 * @throws UserError if one can't be loaded
 */
export async function registryOf(
  document: ConfigDocument,
  plugins: readonly string[],
): Promise<{ readonly registry: Registry; readonly ran: RanPlugin[] }> {
  const { plugins: named = [] } = validate(z.looseObject({ plugins: pluginsSchema }), document);
  const requests = [
    ...named.map((plugin, i) => {
      const origin = [document.locate(['plugins', i]), `plugins.${i}`]
        .filter((part) => part !== '')
        .join(': ');
      return { ...plugin, folder: document.folderOf(['plugins', i, 'path']), origin };
    }),
    ...plugins.map((plugin) => ({ path: plugin, folder: '.', origin: '--plugin' })),
  ];
  const loaded = await loadPlugins(requests);
  return {
    registry: loaded.length === 0 ? builtInRegistry : registryWith(loaded),
    ran: loaded.map(({ file, sha256 }) => ({ path: file, sha256 })),
  };
}

/**
 * As `loadConfig`, from text, without running any plugin: the methods are those of the registry.
 *
 * @param file the text's name in messages
 * @param overrides `key=value`, each in place of what the text has there
 * @throws UserError for what is no such config: in one line what is wrong, where, and what may stand there
 */
export function parseConfig(
  text: string,
  file: string,
  overrides: readonly string[] = [],
  registry = builtInRegistry,
): Config {
  checkGiven('parseConfig', parseForms, { text, file, overrides });
  const schema = registry === builtInRegistry ? builtInConfigSchema : configSchema(registry);
  return validate(schema, readDocument(text, file, overrides));
}
