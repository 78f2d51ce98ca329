import { accumulateOf, type MethodConfig } from '../config/method-config.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import type { Strategy } from '../local/strategy.js';
import { checkBlockOptions } from '../train/blocks/check-options.js';
import type { BlockRanks } from '../train/blocks/trainer.js';
import { refuseMetricsOnRanks } from '../train/metric.js';
import { checkShares, refuseHeldParts } from '../train/over-ranks.js';
import { agreeOnMethod, placeOnRanks, type BlockGroup } from './block-ranks.js';
import type { Experiment } from './experiment.js';
import { agreeToTrain } from './agree.js';
import { withStrategy } from './method-strategy.js';

/** Of a run's options, what its strategy is built by. */
interface OnRanks {
  readonly blockRanks?: BlockGroup | undefined;
  readonly ranks?: ProcessGroup | undefined;
  readonly observer?: { note(message: string, always?: 'always'): void } | undefined;
}

/** Into how many shares ranks divide every batch. */
export const sharesOf = ({ blockRanks, ranks }: Omit<OnRanks, 'observer'>): number =>
  ranks?.size ?? blockRanks?.parallel.data ?? 1;

/** As `withStrategy`; where there are several ranks, these have agreed on method and placement. */
export async function withRunStrategy<T>(
  experiment: Experiment,
  method: MethodConfig,
  { blockRanks, ranks, observer }: OnRanks,
  f: (strategy: Strategy, label: string, placed?: BlockRanks) => Promise<T>,
): Promise<T> {
  checkRanks(experiment, method, { blockRanks, ranks });
  if (ranks !== undefined) await agreeToTrain(ranks, experiment, method);
  const settings = { accumulate: accumulateOf(method, experiment.config.train) };
  if (blockRanks === undefined) {
    return withStrategy(experiment, method, async (strategy, label) => {
      if (ranks !== undefined) refuseHeldParts(strategy, settings);
      return f(strategy, label);
    });
  }
  await agreeOnMethod(experiment, method, blockRanks);
  return withStrategy(
    experiment,
    method,
    async (strategy, label) => {
      refuseHeldParts(strategy, settings);
      const note = (message: string): void => observer?.note(`${label}: ${message}`, 'always');
      return f(strategy, label, await placeOnRanks(experiment, strategy, method, blockRanks, note));
    },
    'absent',
  );
}

/** Throws a UserError for what ranks cannot train with, before there is a run folder. */
function checkRanks(
  { config, registry, dataset }: Experiment,
  method: MethodConfig,
  { blockRanks, ranks }: OnRanks,
): void {
  const settings = { ...config.train, accumulate: accumulateOf(method, config.train) };
  if (blockRanks !== undefined) {
    const { data } = blockRanks.parallel;
    if (data > 1) checkShares(settings, dataset, data);
    checkBlockOptions(settings, registry.metrics, data);
  }
  if (ranks === undefined) return;
  checkShares(settings, dataset, ranks.size);
  refuseMetricsOnRanks(registry.metrics);
}
