import type { Run } from './run-at-hand.js';
import { learningRateAt } from './schedule.js';

/** Tells of single steps of an epoch, where these are to be told: every `logEvery` of the run. */
export function stepTeller(
  { strategy, options, training }: Run,
  epoch: number,
): (step: number, images: number, losses: readonly number[]) => void {
  const { logEvery, onEvent } = options;
  if (logEvery === undefined || onEvent === undefined) return () => {};
  const { steps } = training;
  let [seen, since] = [0, performance.now()];
  return (step, images, losses) => {
    seen += images;
    const runStep = (epoch - 1) * steps + step;
    if (runStep % logEvery !== 0) return;
    const now = performance.now();
    const metrics = {
      ...{ epoch, step, runStep },
      learningRate: learningRateAt({ epoch, step: step - 1, steps }, options),
      imagesPerSecond: seen / ((now - since) / 1000),
      updateLosses: Object.fromEntries(strategy.updates.map(({ name }, i) => [name, losses[i]!])),
    };
    [seen, since] = [0, now];
    onEvent({ type: 'step-metrics', metrics });
  };
}
