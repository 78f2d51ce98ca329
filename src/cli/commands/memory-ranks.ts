import type { MethodConfig } from '../../config/method-config.js';
import type { Config } from '../../config/config.js';
import type { MeasureOptions } from '../../measure/memory/report.js';
import type { MemorySetting } from '../../measure/memory/setting.js';
import type { RanksAsked } from '../../measure/ranks/forecast.js';
import { UsageError } from '../errors.js';

export const ranksOptions = {
  ranks: {
    type: 'number',
    requiresArg: true,
    describe: 'forecast so many ranks, one machine like this each: blocks, peak, time, bytes, images/s',
  },
  link: {
    type: 'string',
    requiresArg: true,
    describe: 'with --ranks: how fast the links between them are, such as 25Gbit or 100Mbit (10Gbit)',
  },
  parallel: {
    choices: ['blocks', 'data'],
    requiresArg: true,
    describe: 'with --ranks: what each has, a run of blocks (the default) or a share of every batch',
  },
} as const;

/** What a config says of them. */
type OwnLinks = Pick<RanksAsked, 'cuts' | 'queue' | 'transport'>;

export interface RanksArguments {
  readonly ranks: number | undefined;
  readonly link: string | undefined;
  readonly parallel: 'blocks' | 'data' | undefined;
}

/**
 * The ranks that are asked for; undefined where none are.
 *
 * @param others names of options that do not go with them, where given
 * @throws UsageError for what they do not go with, and for no number of ranks
 */
export async function ranksAsked(
  { ranks, link, parallel }: RanksArguments,
  others: readonly string[],
): Promise<Omit<RanksAsked, keyof OwnLinks> | undefined> {
  if (ranks === undefined) {
    if (link !== undefined || parallel !== undefined) {
      throw new UsageError(`--${link === undefined ? 'parallel' : 'link'}: only with --ranks`);
    }
    return undefined;
  }
  if (others.length > 0) throw new UsageError(`--${others[0]} and --ranks cannot both be given`);
  if (!Number.isInteger(ranks) || ranks < 2) {
    throw new UsageError(`--ranks: must be a whole number from 2 on, not ${ranks}`);
  }
  const { parseBitRate } = await import('../../core/bit-rate.js');
  const bytesPerSecond = parseBitRate(link ?? '10Gbit', '--link');
  return { ranks, parallel: parallel ?? 'blocks', bytesPerSecond };
}

/** Forecasts what ranks with each method would do. The config's cuts are taken where it has as many ranks. */
export async function printForecast(
  setting: MemorySetting,
  method: MethodConfig,
  asked: Omit<RanksAsked, keyof OwnLinks>,
  { parallel }: Pick<Config, 'parallel'>,
  { json, ...options }: MeasureOptions & { readonly json: boolean },
): Promise<void> {
  const { forecastRanks } = await import('../../measure/ranks/forecast.js');
  const { forecastRecord, forecastText } = await import('../../measure/ranks/output.js');
  const own = typeof parallel === 'object' ? parallel : undefined;
  const cuts = own?.blocks === asked.ranks ? own.cuts : 'balanced';
  const links: OwnLinks = {
    ...{ cuts, queue: own?.queue ?? 2 },
    ...(own?.transport !== undefined && { transport: own.transport }),
  };
  const found = await forecastRanks(setting, method, { ...asked, ...links }, options);
  process.stdout.write(json ? forecastRecord(setting, found) : `${forecastText(setting, found)}\n`);
}
