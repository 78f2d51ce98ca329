import { nearest } from '../../core/schema-problems.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { benchOptions, layersOf } from './bench.js';

const { batch, layers, depth, blocks, steps } = benchOptions;

const profileOptions = {
  method: { type: 'string', default: 'bp', requiresArg: true, describe: 'which, e.g. auglocal' },
  batch,
  layers,
  depth,
  blocks,
  steps,
  threads: { type: 'number', requiresArg: true, describe: "libtorch's; as many as it takes by itself" },
  json: { type: 'boolean', default: false, describe: 'a line of JSON with all of it instead of tables' },
} as const;

interface ProfileArguments {
  readonly method: string;
  readonly batch: number;
  readonly layers: number;
  readonly depth: number | undefined;
  readonly blocks: number;
  readonly steps: number;
  readonly threads: number | undefined;
  readonly json: boolean;
}

export const profileCommand: Command<object, ProfileArguments> = {
  command: 'profile',
  options: profileOptions,
  describe: 'show where the time and memory of training steps go on the engine torch',
  builder: (yargs) => yargs.options(profileOptions).example('$0 profile --method auglocal --batch 128', ''),
  handler: async (args) => {
    // TensorFlow.js takes longest to load; help does without.
    const { builtInRegistry } = await import('../../config/registry.js');
    const methodNames = builtInRegistry.methods.map(({ name }) => name);
    const method = builtInRegistry.methods.find(({ name }) => name === args.method);
    if (method === undefined) {
      throw new UsageError(
        `--method: must be one of ${methodNames.join(', ')}, not "${args.method}"${nearest(args.method, methodNames)}`,
      );
    }
    const setting = { ...args, layers: layersOf(args) };
    for (const name of ['batch', 'layers', 'blocks', 'steps', 'threads'] as const) {
      const value = setting[name];
      if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
        throw new UsageError(`--${name} must be a whole number from 1, not ${value}`);
      }
    }
    const { selectEngine } = await import('../../engine/select.js');
    const { loadNative } = await import('../../engine/torch/load-native.js');
    const { profileMethod } = await import('../../measure/profile.js');
    const { profileText } = await import('../../measure/profile-table.js');
    const { engine } = await selectEngine('torch');
    const native = loadNative();
    if (args.threads !== undefined) native.setThreads(args.threads);
    const result = profileMethod(engine, native, method, setting);
    process.stdout.write(args.json ? `${JSON.stringify(result)}\n` : profileText(result));
  },
};
