import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Dataset } from '../data/dataset.js';
import { UserError } from '../core/errors.js';
import { buildStrategy } from '../local/build.js';
import { buildNetwork } from '../networks/build.js';
import { disposeNetwork, networkState, type Network } from '../networks/network.js';
import { setFromTorch } from '../nn/parameters.js';
import { readSafetensors, type SafeTensorFile } from '../formats/safetensors.js';
import { loadConfig } from '../config/config.js';

/** What a network was trained to read and to tell apart; in the file of its weights, so that no data set is needed. */
export type NetworkUse = Pick<Dataset, 'classes' | 'imageShape' | 'mean' | 'std'>;

/** The metadata of `weights.safetensors`: the format allows text alone. */
export function weightsMetadata({ classes, imageShape, mean, std }: NetworkUse): Record<string, string> {
  const use = { classes, imageShape, mean, std };
  return Object.fromEntries(Object.entries(use).map(([key, value]) => [key, JSON.stringify(value)]));
}

const fromText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});
const numbers = fromText.pipe(z.array(z.number()).min(1));
const metadataSchema = z.object({
  classes: fromText.pipe(z.array(z.string()).min(1)),
  imageShape: fromText.pipe(z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)])),
  mean: numbers,
  std: numbers,
});

/** A finished run's network with its weights. */
export interface TrainedNetwork {
  readonly network: Network;
  readonly use: NetworkUse;
  /** The run's, as tables show it. */
  readonly method: string;
  readonly dispose: () => void;
}

/** Reads a run folder's weights. Throws a UserError if it is no run folder, or the weights are damaged or unfinished. */
export function readRunWeights(folder: string): SafeTensorFile & { readonly use: NetworkUse } {
  const path = join(folder, 'weights.safetensors');
  if (!existsSync(path)) {
    throw new UserError(
      existsSync(join(folder, 'config.yaml'))
        ? `${folder}: the run has not come to its end, so it has no weights.safetensors yet`
        : `${folder}: not a run folder: it has no weights.safetensors`,
    );
  }
  const file = readSafetensors(path);
  const use = metadataSchema.safeParse(file.metadata);
  if (use.success) return { ...file, use: use.data };
  const { path: place, message } = use.error.issues[0]!;
  throw new UserError(
    `${path}: metadata ${place.map(String).join('.')}: ${message}; not written by "locallearn train"`,
  );
}

/**
 * The network of a run folder, on the engine in use. Runs the plugins that the run's config names.
 *
 * @throws UserError if the folder's config or weights are missing, wrong, or do not fit each other
 */
export async function loadTrainedNetwork(folder: string): Promise<TrainedNetwork> {
  const { tensors, use } = readRunWeights(folder);
  const { config, registry } = await loadConfig(join(folder, 'config.yaml'));
  const { method, seed } = config;
  if (method === undefined) throw new UserError(`${join(folder, 'config.yaml')}: names no method`);
  const inputs = { classes: use.classes.length, imageShape: use.imageShape, seed };
  const built = buildNetwork(config.network, inputs, registry.networks);
  const { label = method.method, ...options } = method;
  // A strategy may add to the network that it trains: the image's context, for one.
  const strategy = buildStrategy(built, options, registry);
  const dispose = (): void => {
    strategy.dispose();
    disposeNetwork(built);
  };
  try {
    const { network } = strategy;
    for (const parameter of networkState(network)) {
      const tensor = tensors.get(parameter.name);
      if (tensor === undefined || !(tensor.values instanceof Float32Array)) {
        throw new UserError(`${folder}: the weights lack ${parameter.name}, which the config's network has`);
      }
      setFromTorch(parameter, { shape: tensor.shape, values: tensor.values });
    }
    return { network, use, method: label, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
