import { totalmem } from 'node:os';
import type { Engine } from '../../engine/engine.js';
import type { EstimatedConfig } from '../../measure/estimate/output.js';
import type { ListedConfig } from '../../measure/estimate/listing.js';
import type { ProfileStore } from '../../measure/estimate/store.js';
import type { Command } from '../command.js';
import { withInterrupts } from '../interrupts.js';
import { engineOption } from '../options.js';
import { notify } from '../progress.js';
import { amountProgress } from './amount-progress.js';

const configsOptions = {
  measure: {
    type: 'boolean',
    default: false,
    describe: 'first measure short steps of every network and method that was not measured here before',
  },
  engine: engineOption,
  quiet: { type: 'boolean', default: false, describe: 'no progress' },
  json: { type: 'boolean', default: false, describe: 'a line of JSON for each config instead of a table' },
} as const;

interface ConfigsArguments {
  readonly path: string | undefined;
  readonly measure: boolean;
  readonly engine: (typeof configsOptions.engine.choices)[number];
  readonly quiet: boolean;
  readonly json: boolean;
}

export const configsCommand: Command<object, ConfigsArguments> = {
  command: 'configs [path]',
  options: configsOptions,
  describe: 'list configs: is their data there, and what time and memory will they take on this machine',
  builder: (yargs) =>
    yargs
      .positional('path', { type: 'string', describe: 'a folder or a config [those of the package]' })
      .options(configsOptions)
      .example('$0 configs', '')
      .example('$0 configs configs/cifar10 --measure', 'estimates from a few short steps of each'),
  handler: async (args) => {
    const { estimateMethods, listConfigs, packagedConfigs } =
      await import('../../measure/estimate/listing.js');
    const { openProfiles } = await import('../../measure/estimate/store.js');
    const { selectEngine } = await import('../../engine/select.js');
    const { configRecord, configTable } = await import('../../measure/estimate/output.js');
    const silent = args.quiet || args.json;
    await withInterrupts(async (signal) => {
      const listed = await listConfigs(args.path ?? packagedConfigs());
      const { engine, notice } = await selectEngine(args.engine);
      notify(notice, silent);
      const profiles = openProfiles(engine);
      if (args.measure) await measureMissing(listed, engine, profiles, args.quiet, signal);
      const configs = listed.map((each): EstimatedConfig => ({
        listed: each,
        methods: estimateMethods(each, profiles.get),
      }));
      if (args.json) {
        for (const config of configs) process.stdout.write(configRecord(config));
        return;
      }
      const memoryBytes = engine.memory.name === 'cuda-allocator' ? Infinity : totalmem();
      process.stdout.write(configTable(configs, memoryBytes));
      process.stdout.write(footnotes(configs, engine, profiles));
      for (const { problem } of listed) notify(problem, false);
    });
  },
};

/** Steps of every network and method that is listed and was not measured before. */
async function measureMissing(
  listed: readonly ListedConfig[],
  engine: Engine,
  profiles: ProfileStore,
  quiet: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { estimateMethods } = await import('../../measure/estimate/listing.js');
  const { measureProfile } = await import('../../measure/estimate/profile.js');
  const { builtInRegistry } = await import('../../config/registry.js');
  const missing = new Map<string, () => Promise<void>>();
  for (const each of listed) {
    const { config, images } = each;
    if (config === undefined || images === undefined) continue;
    for (const { key, method } of estimateMethods(each, profiles.get)) {
      if (key === undefined || missing.has(key) || profiles.get(key) !== undefined) continue;
      const { network, seed, train } = config;
      const setting = {
        ...{ engine, registry: builtInRegistry, network, seed, batchSize: train.batchSize, ...images },
      };
      missing.set(key, async () => {
        profiles.add(key, await measureProfile(setting, method, signal));
      });
    }
  }
  const progress = amountProgress(process.stderr, quiet);
  let done = 0;
  const tell = (): void =>
    progress.update({ label: 'measuring', unit: 'measurements', done, total: missing.size });
  try {
    for (const measure of missing.values()) {
      tell();
      await measure();
      done++;
      if (signal.aborted) return;
    }
    if (done > 0) tell();
  } finally {
    progress.end();
  }
}

function footnotes(configs: readonly EstimatedConfig[], engine: Engine, profiles: ProfileStore): string {
  const known = configs.filter(({ methods }) => methods.some(({ estimate }) => estimate !== undefined));
  const unknown = configs.filter(({ methods }) =>
    methods.some(({ key, estimate }) => key !== undefined && !estimate),
  );
  return [
    known.length === 0
      ? ''
      : `\nEstimates for ${engine.description}: steps were measured at two small batches and are scaled to each config's batch and number of images; loading of images is not counted. Times of a comparison are added, its peak is the largest (${engine.memory.name}); "!": more than this machine has. Kept in ${profiles.path}\n`,
    unknown.length === 0
      ? ''
      : `\n${unknown.length} of ${configs.length} were not measured yet: add --measure\n`,
  ].join('');
}
