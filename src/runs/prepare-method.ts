import { labelOf, type MethodConfig } from '../config/method-config.js';
import { formatBytes } from '../core/text.js';
import type { BalancedCuts } from '../measure/memory/balance.js';
import { asksForBalance, type ChosenMethod } from '../measure/memory/choose-cuts.js';
import { asksForBudget, chooseMethod, recomputeInWords } from '../measure/memory/choose-method.js';
import { settingOf } from '../measure/memory/setting.js';
import type { Experiment } from './experiment.js';
import { checkFit, checkMethod } from './method-strategy.js';
import type { RunObserver } from './observer.js';

/** What a preparation is told of, and what tells it to end. */
export interface Preparation {
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
}

/**
 * What can be known of a method before anything is trained: its cut points, where the config leaves them to measuring,
 * and that it fits the network and the training.
 *
 * @param begins false where it goes on from a checkpoint of its own
 * @throws UserError if it does not
 */
export async function prepareMethod(
  experiment: Experiment,
  method: MethodConfig,
  { signal, observer }: Preparation,
  begins = true,
): Promise<ChosenMethod> {
  const { config, engine, registry, dataset } = experiment;
  checkFit(experiment, method, begins);
  const label = labelOf(method);
  if (asksForBalance(method)) observer?.note(`${label}: measuring where to cut`);
  if (asksForBudget(method)) observer?.note(`${label}: measuring what to recompute`);
  const inputs = { engine, registry, classes: dataset.classes.length, imageShape: dataset.imageShape };
  const chosen = await chooseMethod(settingOf(config, inputs), method, { signal });
  if (chosen.balanced !== undefined) observer?.note(`${label}: ${inWords(chosen.balanced)}`);
  if (chosen.recompute !== undefined) observer?.note(`${label}: ${recomputeInWords(chosen.recompute)}`);
  if (asksForBalance(method)) checkMethod(experiment, chosen.method, begins);
  return chosen;
}

function inWords({ cuts, peakBytes, evenPeakBytes }: BalancedCuts): string {
  const even = evenPeakBytes === undefined ? 'out of memory' : formatBytes(evenPeakBytes);
  return `cuts after ${cuts.join(', ')}: largest update ${formatBytes(peakBytes)}, of even blocks ${even}`;
}
