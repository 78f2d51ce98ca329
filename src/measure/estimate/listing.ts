import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { imageCounts, isPresent } from '../../data/presence.js';
import { describeDataset } from '../../data/registry.js';
import { messageOf, UserError } from '../../core/errors.js';
import { comparedMethods, comparedSeeds, parseConfig, type Config } from '../../config/config.js';
import { labelOf, type MethodConfig } from '../../config/method-config.js';
import { readDocument, readText } from '../../config/document.js';
import type { MemorySetting } from '../memory/setting.js';
import { estimate, profileKey, type Estimate, type StepProfile } from './profile.js';

/** A config that can be trained; those that others extend are not listed. */
export interface ListedConfig {
  /** Relative to the working directory where it is below it. */
  readonly path: string;
  /** Undefined where it can't be used, and why. */
  readonly config: Config | undefined;
  readonly problem: string | undefined;
  /** Whether the data set's files are there. */
  readonly dataPresent: boolean;
  /** What its networks read; undefined where that is not known before the data set is there. */
  readonly images: Pick<MemorySetting, 'classes' | 'imageShape'> | undefined;
}

/** The configs that come with this package. */
export function packagedConfigs(): string {
  return shownPath(fileURLToPath(new URL('../../../configs', import.meta.url)));
}

function shownPath(path: string): string {
  const near = relative('', path);
  return near.startsWith('..') || near === '' ? path : near;
}

/**
 * Every config below a folder, or a file alone, in the order of their names. What begins with `_` is left out. No
 * plugin is run: configs that name some are listed with that as their problem.
 *
 * Throws a UserError if the folder can't be read.
 */
export async function listConfigs(path: string): Promise<ListedConfig[]> {
  let files: string[];
  try {
    files = statSync(path).isDirectory() ? configsBelow(path) : [path];
  } catch (error) {
    throw new UserError(`${path}: cannot read the configs: ${messageOf(error)}`);
  }
  if (files.length === 0)
    throw new UserError(`${path}: there is no config in it, no file that ends in .yaml`);
  return Promise.all(files.map(listOne));
}

function configsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.ya?ml$/.test(file) && !file.split(sep).some((part) => part.startsWith('_')))
    .sort()
    .map((file) => join(folder, file));
}

async function listOne(path: string): Promise<ListedConfig> {
  try {
    const text = readText(path);
    refusePlugins(text, path);
    const config = parseConfig(text, path);
    const dataPresent = await isPresent(config.data);
    return { path, config, problem: undefined, dataPresent, images: await imagesOf(config) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { path, config: undefined, problem: error.message, dataPresent: false, images: undefined };
  }
}

function refusePlugins(text: string, path: string): void {
  const value = readDocument(text, path, []).valueFor(z.unknown());
  if (typeof value !== 'object' || value === null || !('plugins' in value)) return;
  throw new UserError(`${path}: names plugins, which are code: they run in train and compare alone`);
}

async function imagesOf({ data }: Config): Promise<ListedConfig['images']> {
  try {
    const { classes, imageShape } = await describeDataset(data);
    return { classes, imageShape };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** What one method of a config is estimated to take; undefined where nothing was measured to tell from. */
export interface MethodEstimate {
  readonly method: MethodConfig;
  readonly label: string;
  /** Of what its steps were measured by; undefined where the data set is not known. */
  readonly key: string | undefined;
  readonly estimate: Estimate | undefined;
}

/** The methods that a config trains: a comparison's with BP, a run's own alone. */
export function estimateMethods(
  { config, images }: ListedConfig,
  profileOf: (key: string) => StepProfile | undefined,
): MethodEstimate[] {
  if (config === undefined) return [];
  const counts = imageCounts(config.data);
  const { epochs, batchSize, lastBatch, precision } = config.train;
  const methods = config.method === undefined ? comparedMethods(config) : [config.method];
  const runs = comparedSeeds(config).length;
  return methods.map((method) => {
    const key = images && profileKey({ network: config.network, precision, ...images }, method);
    const profile = key === undefined ? undefined : profileOf(key);
    return {
      method,
      label: labelOf(method),
      key,
      estimate:
        profile &&
        counts &&
        withinBudget(estimate(profile, { epochs: runs * epochs, batchSize, lastBatch, ...counts }), method),
    };
  });
}

/** What is recomputed to fit a budget depends on the batch: the estimate has its memory, and not its time. */
function withinBudget(found: Estimate, { memory = Infinity }: MethodConfig): Estimate {
  return { ...found, peakBytes: Math.min(found.peakBytes, memory) };
}
