import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { Normalization } from '../local/batch.js';
import type { StrategyOptions, StrategyOptionsInput } from '../local/options.js';
import { builtInOptionsSchema } from '../local/build.js';
import type { Network } from '../networks/network.js';
import { check, formatPath, nearest } from '../core/schema-problems.js';
import type { GoldenFile } from './golden-file.js';

/** What the published code calls its data sets, and how it prepares their images. */
const half: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const cifar: Normalization = {
  mean: [125.3 / 255, 123 / 255, 113.9 / 255],
  std: [63 / 255, 62.1 / 255, 66.7 / 255],
};
const datasets = {
  cifar10: { size: 32, normalization: cifar },
  cifar100: { size: 32, normalization: cifar },
  svhn: { size: 32, normalization: half },
  stl10: { size: 96, normalization: half },
} as const;

const imageOptions = {
  dataset: z.enum(['cifar10', 'cifar100', 'svhn', 'stl10']).exactOptional(),
  image_size: z.int().positive().exactOptional(),
};
const weights = { ixx_1: z.number(), ixy_1: z.number(), ixx_2: z.number(), ixy_2: z.number() };
/** Of a loss that has no weights, or one: the reconstruction's must be 0 and the classification's 1. */
const noWeights = {
  ixx_1: z.literal(0).exactOptional(),
  ixy_1: z.literal(1).exactOptional(),
  ixx_2: z.literal(0).exactOptional(),
  ixy_2: z.literal(1).exactOptional(),
};
const twoTermLoss = {
  ...weights,
  aux_net_config: z.string().exactOptional(),
  aux_net_widen: z.number().exactOptional(),
  aux_net_feature_dim: z.int().exactOptional(),
  local_loss_mode: z.enum(['cross_entropy', 'contrast']).exactOptional(),
  balanced_memory: z.boolean().exactOptional(),
};

/** The settings that a method's published code reads, by their names there. */
const schemas = {
  bp: z.object({ ...imageOptions }),
  greedy: z.object({ ...imageOptions, ...noWeights }),
  dgl: z.object({ ...imageOptions, ...noWeights }),
  predsim: z.object({ ...imageOptions, ...weights, hidden_dim: z.int().exactOptional() }),
  infopro: z.object({ ...imageOptions, ...twoTermLoss }),
  auglocal: z.object({
    ...imageOptions,
    ...noWeights,
    pyramid: z.boolean().exactOptional(),
    pyramid_coeff: z.number().exactOptional(),
  }),
  man: z.object({ ...imageOptions, ...twoTermLoss, momentum: z.number() }),
  hpff: z.object({
    ...imageOptions,
    ...twoTermLoss,
    wx: z.number().exactOptional(),
    wy: z.number().exactOptional(),
  }),
} as const;

type Method = keyof typeof schemas;
type Settings<M extends Method> = z.infer<(typeof schemas)[M]>;

/** Settings that do not change what is computed here, or that the file states elsewhere. */
const withoutEffect = new Set(['ixx_1', 'ixy_1', 'ixx_2', 'ixy_2', 'batch_size', 'class_num']);

/** What a published run worked on. */
export interface GoldenImages {
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly normalization: Normalization;
}

/** Throws a UserError for options that are missing or not of their type. */
export function goldenImageOptions(golden: GoldenFile): GoldenImages {
  const { dataset, image_size: size } = settingsOf(golden, methodOf(golden));
  const known = dataset === undefined ? undefined : datasets[dataset];
  // A file that gives only the size means the data set of that size.
  const { normalization, size: usual } = known ?? (size === 96 ? datasets.stl10 : datasets.cifar10);
  const side = size ?? usual;
  return { imageShape: [side, side, 3], normalization };
}

/** Options of the file that nothing here reads, a line each. */
export function goldenNotices(golden: GoldenFile): string[] {
  const known = Object.keys(schemas[methodOf(golden)].shape);
  return Object.keys(golden.options)
    .filter((key) => !known.includes(key) && !withoutEffect.has(key))
    .map((key) => `options.${key}: unknown for ${golden.method}, left out of account${nearest(key, known)}`);
}

/** A published run's settings as this project's options. Throws a UserError where they make no sense. */
export function goldenStrategyOptions(golden: GoldenFile, network: Network): StrategyOptions {
  const result = check(builtInOptionsSchema, translate(golden, network));
  if ('value' in result) return result.value;
  const { path, message } = result.problems[0]!;
  throw new UserError(`options: ${formatPath(path)}: ${message}`);
}

function translate(golden: GoldenFile, network: Network): StrategyOptionsInput {
  const { K, depth } = golden;
  const method = methodOf(golden);
  // Every repository trains end to end where K is 1.
  if (method === 'bp' || K === 1) return { method: 'bp' };
  switch (method) {
    case 'greedy':
    case 'dgl':
      settingsOf(golden, method);
      return { method, ...leadingUnits(network, K) };
    case 'predsim': {
      const settings = settingsOf(golden, method);
      return {
        method,
        ...leadingUnits(network, K),
        similarity: [settings.ixx_1, settings.ixx_2],
        classification: [settings.ixy_1, settings.ixy_2],
        ...(settings.hidden_dim === undefined ? {} : { poolWidth: settings.hidden_dim }),
      };
    }
    case 'infopro': {
      const settings = settingsOf(golden, method);
      return { method, ...leadingUnits(network, K), ...twoTermOptions(settings, 'InfoPro', '1c2f') };
    }
    case 'auglocal': {
      const { pyramid, pyramid_coeff: coefficient } = settingsOf(golden, method);
      if (pyramid && coefficient === undefined) throw new UserError('options.pyramid_coeff: missing');
      return {
        method,
        ...(K === network.units.length ? { blocks: K } : leadingUnits(network, K - depth)),
        depth,
        pyramid: pyramid ? coefficient! : 0,
      };
    }
    case 'man': {
      const settings = settingsOf(golden, method);
      return {
        method,
        blocks: K,
        ...twoTermOptions(settings, undefined, '2c2f'),
        ...(settings.balanced_memory ? { cuts: 'memory-balanced' as const } : {}),
        ramp: 'stages',
        momentum: settings.momentum,
      };
    }
    case 'hpff': {
      const settings = settingsOf(golden, method);
      return {
        method,
        blocks: K,
        ...twoTermOptions(settings, undefined, '2c2f'),
        ...(settings.balanced_memory ? { cuts: 'memory-balanced' as const } : {}),
        ...(settings.wx === undefined ? {} : { independentWeight: settings.wx }),
        ...(settings.wy === undefined ? {} : { cascadeWeight: settings.wy }),
      };
    }
  }
}

function methodOf({ method }: GoldenFile): Method {
  if (Object.hasOwn(schemas, method)) return method as Method;
  const known = Object.keys(schemas);
  throw new UserError(`method: '${method}' is none of ${known.join(', ')}${nearest(method, known)}`);
}

function settingsOf<M extends Method>(golden: GoldenFile, method: M): Settings<M> {
  const result = check(schemas[method] as unknown as z.ZodType<Settings<M>>, golden.options);
  if ('value' in result) return result.value;
  const { path, message } = result.problems[0]!;
  throw new UserError(`options.${formatPath(path)}: ${message}`);
}

/** AugLocal's repository gives the first K − 1 units a loss of their own, and the last to all that follow. */
function leadingUnits(network: Network, count: number): { blocks: number } | { cuts: string[] } {
  const { units } = network;
  if (count < 2) throw new UserError(`K: ${count} modules leave no local one`);
  return count >= units.length
    ? { blocks: count }
    : { cuts: units.slice(0, count - 1).map(({ name }) => name) };
}

function twoTermOptions(
  settings: Settings<'infopro'>,
  /** What the code calls its own head. */
  ownHead: string | undefined,
  defaultHead: string,
) {
  const { aux_net_config: config = defaultHead, aux_net_widen: widen, aux_net_feature_dim: width } = settings;
  return {
    head: config === ownHead ? defaultHead : config,
    loss: settings.local_loss_mode === 'contrast' ? ('contrast' as const) : ('cross-entropy' as const),
    reconstruction: [settings.ixx_1, settings.ixx_2] as const,
    classification: [settings.ixy_1, settings.ixy_2] as const,
    ...(widen === undefined ? {} : { widen, decoderWidth: Math.floor(12 * widen) }),
    ...(width === undefined ? {} : { featureWidth: width }),
  };
}
