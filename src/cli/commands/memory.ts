import { messageOf, UserError } from '../../core/errors.js';
import { recomputeChoices } from '../../engine/recompute-choices.js';
import type { MethodConfig } from '../../config/method-config.js';
import type { MeasureOptions, MethodMemory } from '../../measure/memory/report.js';
import type { MemorySetting } from '../../measure/memory/setting.js';
import type { BlockCount } from '../../measure/memory/sweep.js';
import type { Command } from '../command.js';
import { UsageError } from '../errors.js';
import { withInterrupts } from '../interrupts.js';
import { configArgument, configOf, configOptions, type ConfigArguments } from '../options.js';
import { notify, slowNotes } from '../progress.js';
import { printForecast, ranksAsked, ranksOptions, type RanksArguments } from './memory-ranks.js';

const memoryOptions = {
  ...configOptions,
  method: {
    type: 'string',
    requiresArg: true,
    describe: 'only this one beside BP: a label or method of the config, or any other with its defaults',
  },
  blocks: {
    type: 'string',
    describe: 'a line for each number of blocks, such as 1,2,4,8,16,all; just those without a list',
  },
  budget: {
    type: 'string',
    requiresArg: true,
    describe: 'find the fewest blocks that fit into so much memory, e.g. 2GB or 1.5GiB',
  },
  frontier: {
    type: 'boolean',
    default: false,
    describe:
      'memory beside multiply-adds and time: each method, each K of --blocks, each setting of recompute',
  },
  svg: { type: 'string', requiresArg: true, describe: 'with --frontier: a file to draw its chart into' },
  'at-peak': {
    type: 'boolean',
    default: false,
    describe: 'all that is in use at the peak of each step: name, shape, bytes, who holds it',
  },
  recompute: {
    type: 'string',
    requiresArg: true,
    describe: 'measure BP and all methods with this: none, units, segments, or auto=2GB for what fits that',
  },
  ...ranksOptions,
  batch: { type: 'number', requiresArg: true, describe: 'the same as --set train.batchSize=…' },
  json: { type: 'boolean', default: false, describe: 'a line of JSON for each result instead of tables' },
} as const;

interface MemoryArguments extends ConfigArguments, RanksArguments {
  readonly method: string | undefined;
  readonly blocks: string | undefined;
  readonly budget: string | undefined;
  readonly frontier: boolean;
  readonly svg: string | undefined;
  readonly 'at-peak': boolean;
  readonly recompute: string | undefined;
  readonly batch: number | undefined;
  readonly json: boolean;
}

export const memoryCommand: Command<object, MemoryArguments> = {
  command: 'memory <config>',
  options: memoryOptions,
  describe: 'measure the memory of training steps on random images, without training',
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(memoryOptions)
      .example('$0 memory configs/demo.yaml', '')
      .example('$0 memory configs/demo.yaml --method man --blocks 1,2,4,all', '')
      .example('$0 memory configs/demo.yaml --method man --budget 100MB', '')
      .example('$0 memory configs/demo.yaml --at-peak', '')
      .example('$0 memory configs/demo.yaml --recompute auto=40MB', '')
      .example('$0 memory configs/demo.yaml --ranks 4 --link 25Gbit', 'what four ranks would do')
      .example('$0 memory configs/demo.yaml --frontier --svg frontier.svg', ''),
  handler: async (args) => {
    const counts = countsOf(args.blocks);
    checkFrontier(args);
    const others = (['blocks', 'budget', 'frontier', 'at-peak'] as const).filter(
      (name) => args[name] !== undefined && args[name] !== false,
    );
    const asked = await ranksAsked(args, others);
    const { parseSize } = await import('../../core/size.js');
    const budget = args.budget === undefined ? undefined : parseSize(args.budget, '--budget');
    const recompute = args.recompute === undefined ? undefined : await recomputeOf(args.recompute);
    const batch = args.batch === undefined ? [] : [`train.batchSize=${args.batch}`];
    const { config, registry } = await configOf({ ...args, set: [...args.set, ...batch] });
    const { memoryMethods } = await import('../../measure/memory/methods.js');
    const own = memoryMethods(config, registry, args.method);
    const methods = recompute === undefined ? own : await allRecomputing(own, recompute);
    const swept = !args.frontier && (args.blocks !== undefined || budget !== undefined);
    if ((swept || asked !== undefined) && methods.length === 0) {
      throw new UserError('the config has no method that cuts into blocks; name one with --method');
    }
    if (swept && args['at-peak'])
      throw new UsageError('--at-peak lists one step of each method: leave out --blocks and --budget');
    const { openSetting } = await import('../../measure/memory/setting.js');
    await withInterrupts(async (signal) => {
      const { setting, notice } = await openSetting(config, registry);
      const silent = args.quiet || args.json;
      notify(notice, silent);
      const onLeftOut = (message: string): void => notify(message, silent);
      const options = { signal, onProgress: slowNotes(silent), json: args.json };
      if (asked !== undefined) {
        const each = (method: MethodConfig) => printForecast(setting, method, asked, config, options);
        throwAll(await refusalsOf(methods, each));
      } else if (args.frontier) {
        const { printFrontier } = await import('./memory-frontier.js');
        await printFrontier(setting, own, { ...options, counts, svg: args.svg, onLeftOut });
      } else if (args['at-peak']) await eachPeak(setting, methods, options);
      else if (!swept) await eachUpdate(setting, methods, options);
      else {
        await eachCount(setting, methods, { ...options, counts, budget, onLeftOut });
      }
    });
  },
};

/** Throws a UsageError for what the frontier does not go with. */
function checkFrontier(args: MemoryArguments): void {
  if (!args.frontier) {
    if (args.svg !== undefined) throw new UsageError('--svg: only with --frontier');
    return;
  }
  for (const other of ['budget', 'recompute', 'at-peak'] as const) {
    if (args[other] === undefined || args[other] === false) continue;
    throw new UsageError(`--${other} and --frontier cannot both be given`);
  }
}

interface PrintOptions extends MeasureOptions {
  readonly json: boolean;
}

/** Every update of BP and of each method. */
async function eachUpdate(
  setting: MemorySetting,
  methods: readonly MethodConfig[],
  { json, ...options }: PrintOptions,
): Promise<void> {
  const { backpropagation } = await import('../../config/method-config.js');
  const { measureMethod } = await import('../../measure/memory/report.js');
  const { memoryRecord, methodTable, updateTable } = await import('../../measure/memory/output.js');
  const results: MethodMemory[] = [];
  const measure = async (method: MethodConfig): Promise<void> => {
    if (options.signal?.aborted) return;
    const result = await measureMethod(setting, method, options);
    results.push(result);
    process.stdout.write(
      json ? memoryRecord(setting, result, results[0]!) : `${updateTable(setting, result)}\n`,
    );
  };
  await measure(backpropagation);
  const refusals = await refusalsOf(methods, measure);
  if (options.signal?.aborted) return;
  if (!json && results.length > 1) process.stdout.write(methodTable(setting, results));
  throwAll(refusals);
}

/** What is in use at the peak of BP and of each method. */
async function eachPeak(
  setting: MemorySetting,
  methods: readonly MethodConfig[],
  { json, ...options }: PrintOptions,
): Promise<void> {
  const { backpropagation } = await import('../../config/method-config.js');
  const { listMethod } = await import('../../measure/memory/report.js');
  const { peakRecord, peakTable } = await import('../../measure/memory/at-peak-output.js');
  const refusals = await refusalsOf([backpropagation, ...methods], async (method) => {
    if (options.signal?.aborted) return;
    const result = await listMethod(setting, method, options);
    process.stdout.write(json ? peakRecord(setting, result) : `${peakTable(setting, result)}\n`);
  });
  throwAll(refusals);
}

/** Does it with each method, also after one that refuses: a line for each of these, which names it. */
async function refusalsOf(
  methods: readonly MethodConfig[],
  f: (method: MethodConfig) => Promise<void>,
): Promise<string[]> {
  const { labelOf } = await import('../../config/method-config.js');
  const refusals: string[] = [];
  for (const method of methods) {
    try {
      await f(method);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const [label, message] = [`${labelOf(method)}: `, messageOf(error)];
      refusals.push(message.startsWith(label) ? message : label + message);
    }
  }
  return refusals;
}

function throwAll(lines: readonly string[]): void {
  if (lines.length > 0) throw new UserError(lines.join('\n'));
}

/** A line for each number of blocks of each method, and which is the first that fits a budget. */
async function eachCount(
  setting: MemorySetting,
  methods: readonly MethodConfig[],
  {
    json,
    counts,
    budget,
    ...options
  }: PrintOptions & {
    readonly counts: readonly BlockCount[] | undefined;
    readonly budget: number | undefined;
    readonly onLeftOut: (message: string) => void;
  },
): Promise<void> {
  const { backpropagation } = await import('../../config/method-config.js');
  const { measureMethod } = await import('../../measure/memory/report.js');
  const { fitting, sweepBlocks } = await import('../../measure/memory/sweep.js');
  const { budgetLine, budgetRecord, memoryRecord, sweepTable } =
    await import('../../measure/memory/output.js');
  const bp = await measureMethod(setting, backpropagation, options);
  const misfits: string[] = [];
  const refusals = await refusalsOf(methods, async (method) => {
    if (options.signal?.aborted) return;
    const results = await sweepBlocks(setting, method, {
      ...{ ...options, counts, bp, budget },
      onResult: (result) => json && process.stdout.write(memoryRecord(setting, result, bp)),
    });
    if (options.signal?.aborted) return;
    if (!json) process.stdout.write(`${sweepTable(setting, results, bp)}\n`);
    if (budget === undefined) return;
    const found = fitting(results, budget);
    if (json) process.stdout.write(budgetRecord(results, budget));
    if (found === undefined) misfits.push(budgetLine(results, budget));
    else if (!json) process.stdout.write(`${budgetLine(results, budget)}\n`);
  });
  throwAll([...refusals, ...misfits]);
}

/** `1,2,4,all` in ascending order; undefined for the usual ones. */
function countsOf(list: string | undefined): readonly BlockCount[] | undefined {
  if (list === undefined || list === '') return undefined;
  const counts = list.split(',').map((text): BlockCount => {
    if (text.trim() === 'all') return 'all';
    const count = Number(text);
    if (text.trim() !== '' && Number.isInteger(count) && count >= 1) return count;
    throw new UsageError(
      `--blocks: must be whole numbers from 1 or "all", with commas between, not "${text}"`,
    );
  });
  return [...new Set(counts)].sort((a, b) => (a === 'all' ? 1 : b === 'all' ? -1 : a - b));
}

type RecomputeSetting = Pick<MethodConfig, 'recompute' | 'memory'>;

/** `units`, `auto=2GB`. */
async function recomputeOf(text: string): Promise<RecomputeSetting> {
  const [, size] = /^auto=(.*)$/.exec(text) ?? [];
  const { parseSize } = await import('../../core/size.js');
  if (size !== undefined) return { recompute: 'auto', memory: parseSize(size, '--recompute auto=') };
  const recompute = recomputeChoices.find((choice) => choice === text);
  if (recompute !== undefined) return { recompute };
  throw new UsageError(
    `--recompute: must be ${recomputeChoices.join(', ')} or such as auto=2GB, not "${text}"`,
  );
}

/** BP and the methods, all with this; those that are the same then once. */
async function allRecomputing(
  methods: readonly MethodConfig[],
  setting: RecomputeSetting,
): Promise<MethodConfig[]> {
  const { backpropagation, isBaseline, labelOf, recomputingWith } =
    await import('../../config/method-config.js');
  const all = [backpropagation, ...methods].map((method) => recomputingWith(method, setting));
  return all.filter(
    (method, i) => !isBaseline(method) && all.findIndex((other) => labelOf(other) === labelOf(method)) === i,
  );
}
