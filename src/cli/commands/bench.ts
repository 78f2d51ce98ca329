import { engineNames } from '../../engine/engine.js';
import { precisions, type Precision } from '../../engine/precision.js';
import { recomputeChoices, type Recompute } from '../../engine/recompute-choices.js';
import type { BenchResult } from '../../measure/bench.js';
import { tellFormerName } from '../../core/former-names.js';
import { nearest } from '../../core/schema-problems.js';
import { textTable } from '../../core/table.js';
import { formatBytes, formatRate } from '../../core/text.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { notify } from '../progress.js';

export const benchOptions = {
  methods: {
    type: 'string',
    default: 'bp,auglocal',
    requiresArg: true,
    describe: 'which, with commas between, e.g. bp,man,hpff',
  },
  batch: { type: 'number', default: 128, requiresArg: true, describe: 'images a step' },
  layers: { type: 'number', default: 32, requiresArg: true, describe: 'of the ResNet, 6m+2' },
  depth: { type: 'number', requiresArg: true, hidden: true },
  blocks: { type: 'number', default: 16, requiresArg: true, describe: 'K of the methods that have one' },
  steps: { type: 'number', default: 10, requiresArg: true, describe: 'steps that are timed' },
  recompute: {
    choices: recomputeChoices,
    default: 'none',
    requiresArg: true,
    describe: 'what backward passes make again',
  },
  precision: {
    choices: precisions,
    default: 'float32',
    requiresArg: true,
    describe: 'what feature maps are held in',
  },
  captureSteps: {
    type: 'boolean',
    default: true,
    describe: 'whether steps are captured and made again, as in training',
  },
  engine: {
    choices: ['auto', ...engineNames],
    default: 'auto',
    requiresArg: true,
    describe: 'what computes',
  },
  json: { type: 'boolean', default: false, describe: 'a line of JSON for each method instead of a table' },
} as const;

/** Of the network, also where they are asked for as `--depth`, as the option was called. */
export function layersOf({ layers, depth }: Pick<BenchArguments, 'layers' | 'depth'>): number {
  if (depth === undefined) return layers;
  tellFormerName('options', '--depth', '--layers');
  return depth;
}

interface BenchArguments {
  readonly methods: string;
  readonly batch: number;
  readonly layers: number;
  readonly depth: number | undefined;
  readonly blocks: number;
  readonly steps: number;
  readonly recompute: Recompute;
  readonly precision: Precision;
  readonly captureSteps: boolean;
  readonly engine: (typeof benchOptions.engine.choices)[number];
  readonly json: boolean;
}

export const benchCommand: Command<object, BenchArguments> = {
  command: 'bench',
  options: benchOptions,
  describe: 'measure speed and memory of training steps on random images',
  builder: (yargs) =>
    yargs.options(benchOptions).example('$0 bench --methods bp,auglocal --batch 128 --json', ''),
  handler: async (args) => {
    // TensorFlow.js takes longest to load; help does without.
    const { builtInRegistry } = await import('../../config/registry.js');
    const methodNames = builtInRegistry.methods.map(({ name }) => name);
    const methods = args.methods.split(',').map((name) => {
      const known = builtInRegistry.methods.find((method) => method.name === name.trim());
      if (known) return known;
      throw new UsageError(
        `--methods: must be some of ${methodNames.join(', ')}, not "${name}"${nearest(name, methodNames)}`,
      );
    });
    const setting = { ...args, layers: layersOf(args) };
    for (const name of ['batch', 'layers', 'blocks', 'steps'] as const) {
      if (!Number.isInteger(setting[name]) || setting[name] < 1) {
        throw new UsageError(`--${name} must be a whole number from 1, not ${setting[name]}`);
      }
    }
    const { selectEngine } = await import('../../engine/select.js');
    const { benchMethod } = await import('../../measure/bench.js');
    const { engine, notice } = await selectEngine(args.engine);
    notify(notice, args.json);
    const results: BenchResult[] = [];
    for (const method of methods) {
      const result = benchMethod(engine, method, setting);
      if (args.json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else results.push(result);
    }
    if (!args.json) process.stdout.write(benchTable(results));
  },
};

function benchTable(results: readonly BenchResult[]): string {
  return textTable({
    header: ['method', 'batch', 'images/s', 'peak memory', 'reserved', 'engine'],
    rows: results.map((result) => [
      result.method,
      String(result.batch),
      formatRate(result.imagesPerSecond),
      `${formatBytes(result.peakMemoryBytes)} (${result.memoryMeter})`,
      formatBytes(result.reservedMemoryBytes),
      result.engine,
    ]),
  });
}
