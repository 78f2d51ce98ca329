import { UserError } from '../core/errors.js';
import type { Normalization } from '../local/normalization.js';
import type { StrategyOptions } from '../local/options.js';
import { builtInOptionsSchema } from '../local/build.js';
import type { Network } from '../networks/network.js';
import { check, formatPath, nearest } from '../core/schema-problems.js';
import type { GoldenFile } from './golden-file.js';
import { publishedMethods } from './published/all.js';
import type { PublishedMethod } from './published/method.js';

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
  imagenet: {
    size: 224,
    normalization: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  },
} as const;

/** What a published run worked on. */
export interface GoldenImages {
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly normalization: Normalization;
  /** Of which data set the network is. */
  readonly resnet: 'cifar' | 'imagenet';
}

/** The method that a file is of. Throws a UserError for one that cannot be rebuilt. */
export function publishedMethodOf({ method }: GoldenFile): PublishedMethod {
  const published = publishedMethods.find(({ name }) => name === method);
  if (published !== undefined) return published;
  const known = publishedMethods.map(({ name }) => name);
  throw new UserError(`method: '${method}' is none of ${known.join(', ')}${nearest(method, known)}`);
}

/** Throws a UserError for options that are missing, unknown or not of their type. */
export function goldenImageOptions(golden: GoldenFile): GoldenImages {
  const { dataset, image_size: size } = publishedMethodOf(golden).settingsOf(golden);
  const known = dataset === undefined ? undefined : datasets[dataset];
  // A file that gives only the size means the data set of that size.
  const { normalization, size: usual } = known ?? (size === 96 ? datasets.stl10 : datasets.cifar10);
  const side = size ?? usual;
  const resnet = dataset === 'imagenet' ? 'imagenet' : 'cifar';
  return { imageShape: [side, side, 3], normalization, resnet };
}

/** A published run's settings as this project's options. Throws a UserError where they make no sense. */
export function goldenStrategyOptions(golden: GoldenFile, network: Network): StrategyOptions {
  const published = publishedMethodOf(golden);
  // Every repository trains end to end where K is 1.
  const options = golden.K === 1 ? { method: 'bp' as const } : published.optionsOf(golden, network);
  const result = check(builtInOptionsSchema, options);
  if ('value' in result) return result.value;
  const { path, message } = result.problems[0]!;
  throw new UserError(`options: ${formatPath(path)}: ${message}`);
}
