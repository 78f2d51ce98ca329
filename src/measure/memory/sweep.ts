import { messageOf, UserError } from '../../core/errors.js';
import { withoutDrawing } from '../../nn/parameters.js';
import { labelOf, type MethodConfig } from '../../config/method-config.js';
import { buildMethod } from '../../local/build.js';
import { partitionOf, withPartition, type MethodPartition } from '../../local/partition/of-method.js';
import { measureMethod, type MeasureOptions, type MethodMemory } from './report.js';
import { withNetwork, type MemorySetting } from './setting.js';

/** A number of blocks, as a person lists it: K, or `all` for a cut after every unit. */
export type BlockCount = number | 'all';

/** What is tried where nothing else is asked for, up to the units that there are. */
const usualCounts = [1, 2, 4, 8, 16] as const;

export interface SweepMemory extends MethodMemory {
  /** K. */
  readonly count: BlockCount;
}

export interface SweepOptions extends MeasureOptions {
  /** The usual ones where undefined. Those that the method cannot be cut into are left out. */
  readonly counts?: readonly BlockCount[] | undefined;
  /** What K = 1 took; it is not measured again. */
  readonly bp: MethodMemory;
  /** Bytes that a step may take: between the usual counts, those are tried too that could be the fewest that fit. */
  readonly budget?: number | undefined;
  /** Told which counts the method cannot be cut into, and why. */
  readonly onLeftOut?: ((message: string) => void) | undefined;
  /** Each result as it comes, in the order of measuring. */
  readonly onResult?: ((result: SweepMemory) => void) | undefined;
}

/**
 * Measures a method with K = 1 (backpropagation), 2, … blocks, ascending. Cut points that the method names give way to
 * those that go with each K; `balanced` and `memory-balanced` stay.
 *
 * Throws a UserError where the network can be cut into none of them.
 */
export async function sweepBlocks(
  setting: MemorySetting,
  method: MethodConfig,
  options: SweepOptions,
): Promise<SweepMemory[]> {
  const { counts, bp, budget, signal, onProgress, onResult, onLeftOut } = options;
  const units = await withNetwork(setting, (network) => network.units.length);
  const wanted = counts ?? [...usualCounts.filter((count) => count < units), 'all'];
  const results: SweepMemory[] = [];
  let refusal: UserError | undefined;
  const measure = async (count: BlockCount): Promise<void> => {
    if (signal?.aborted || results.some((result) => result.count === count)) return;
    try {
      const result = await measureCount(setting, method, count, bp, options);
      results.push(result);
      onResult?.(result);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refusal = error;
      onLeftOut?.(`${labelOf(method)}: left out K = ${String(count)}: ${messageOf(error)}`);
    }
  };
  for (const count of wanted) {
    await measure(count);
    if (budget !== undefined && counts === undefined && fitting(results, budget)) break;
  }
  if (refusal !== undefined && results.length === 0) throw refusal;
  const found = budget === undefined ? undefined : fitting(results, budget);
  if (found !== undefined && counts === undefined) {
    const below = found.count === 'all' ? units : found.count;
    onProgress?.(`${labelOf(method)}: whether fewer than ${found.blocks} blocks fit`);
    for (let count = 2; count < below; count++) {
      await measure(count);
      if (fitting(results, budget!) !== found) break;
    }
  }
  return results.sort(byCount);
}

/** The result with the fewest blocks whose step stays within so many bytes. */
export function fitting(results: readonly SweepMemory[], budget: number): SweepMemory | undefined {
  return results.toSorted(byCount).find(({ step }) => step !== undefined && step.peakBytes <= budget);
}

function byCount({ count: a }: SweepMemory, { count: b }: SweepMemory): number {
  return (a === 'all' ? Infinity : a) - (b === 'all' ? Infinity : b) || 0;
}

/** Throws a UserError where the method cannot be cut so. */
async function measureCount(
  setting: MemorySetting,
  method: MethodConfig,
  count: BlockCount,
  bp: MethodMemory,
  options: MeasureOptions,
): Promise<SweepMemory> {
  if (count === 1) return { ...bp, label: labelOf(method), count };
  return { ...(await measureMethod(setting, await withBlocks(setting, method, count), options)), count };
}

/** The method cut into so many blocks. */
export async function withBlocks(
  setting: MemorySetting,
  method: MethodConfig,
  count: BlockCount,
): Promise<MethodConfig> {
  const { cuts } = partitionOf(method);
  const cutInto = (blocks: number, way: MethodPartition = {}): MethodConfig => ({
    ...method,
    options: withPartition(method, { blocks, ...way }),
  });
  if (count !== 'all') return cutInto(count, typeof cuts === 'string' ? { cuts } : {});
  return withNetwork(setting, (network) => {
    const { length } = network.units;
    try {
      withoutDrawing(() => buildMethod(network, cutInto(length)).dispose());
      return cutInto(length);
    } catch (error) {
      // Methods that join the stem to the first block have one block less than there are units.
      if (error instanceof UserError) return cutInto(length - 1);
      throw error;
    }
  });
}
