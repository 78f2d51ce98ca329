import { UserError } from '../../core/errors.js';
import { backpropagation, labelOf, type MethodConfig } from '../../config/method-config.js';
import type { BlockParallel } from '../../config/parallel.js';
import { checkBatchFor } from '../../train/over-ranks.js';
import { chooseMethod } from '../memory/choose-method.js';
import { measureVariant } from '../frontier/measure.js';
import type { MeasureOptions } from '../memory/report.js';
import type { MemorySetting } from '../memory/setting.js';
import type { RankForecasts } from './output.js';
import { forecastBlocks, forecastData, naivePipeline } from './predict.js';
import { methodBlocks } from './setting.js';

/** Ranks to forecast. */
export interface RanksAsked extends Pick<BlockParallel, 'cuts' | 'queue' | 'transport'> {
  readonly ranks: number;
  readonly parallel: 'blocks' | 'data';
  /** Of each link, one way. */
  readonly bytesPerSecond: number;
}

/**
 * Measures a method's step here, block by block where ranks are to have blocks, and forecasts what ranks with a machine
 * like this one each would do.
 *
 * @throws UserError where the method cannot be on such ranks, or its step does not fit into the memory that there is
 */
export async function forecastRanks(
  setting: MemorySetting,
  method: MethodConfig,
  { parallel, ...asked }: RanksAsked,
  options: MeasureOptions,
): Promise<RankForecasts> {
  const label = labelOf(method);
  const { ranks, bytesPerSecond } = asked;
  const { batchSize } = setting;
  const links = { ...asked, batchSize };
  if (parallel === 'blocks') {
    options.onProgress?.(`${label}: each block`);
    const costs = await methodBlocks(setting, method, options, asked.transport);
    const forecast = forecastBlocks(costs, links);
    options.onProgress?.('bp: a step');
    const { seconds } = await measuredStep(setting, backpropagation, options);
    const boundaries = forecast.perRank.slice(0, -1).map(({ blocks }) => costs[blocks![1] - 1]!.outBytes);
    return { label, forecast, bp: naivePipeline(seconds, boundaries, links), bytesPerSecond };
  }
  const share = Math.ceil(batchSize / ranks);
  checkBatchFor(ranks, batchSize);
  options.onProgress?.(`${label}: a step, and one of a rank's share`);
  const chosen = await chooseMethod(setting, method, options);
  const alone = await measuredStep(setting, chosen.method, options);
  const own = await measuredStep({ ...setting, batchSize: share }, chosen.method, options);
  const forecast = forecastData(own, alone, alone.parameterBytes, links);
  return { label, forecast, bp: undefined, bytesPerSecond };
}

async function measuredStep(
  setting: MemorySetting,
  method: MethodConfig,
  { signal }: MeasureOptions,
): Promise<{ readonly seconds: number; readonly peakBytes: number; readonly parameterBytes: number }> {
  const label = labelOf(method);
  // What it recomputes is the method's own; a variant's is for its name.
  const variant = { label, method, recompute: 'none', count: undefined } as const;
  const { step, parameters } = await measureVariant(setting, variant, signal);
  if (step === undefined) {
    throw new UserError(`${label}: a step of ${setting.batchSize} images does not fit into memory`);
  }
  const { memory, seconds } = step;
  const parameterBytes = 4 * (parameters.network + parameters.auxiliary);
  return { seconds, peakBytes: memory.peakBytes, parameterBytes };
}
