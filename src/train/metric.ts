import { UserError } from '../core/errors.js';
import { showValue } from '../core/schema-problems.js';

/** What one evaluation comes to by a metric. */
export interface MetricTally {
  /**
   * Takes an image.
   *
   * @param logits of the network, `[classes]`
   * @param label the true class
   */
  add(logits: Float32Array, label: number): void;
  /** Of all images that were taken: a finite number. */
  total(): number;
}

/** A number that is told of each evaluation: a column `metric:<name>` of `metrics.csv`. */
export interface MetricKind {
  readonly name: string;
  /** Called before each evaluation. */
  start(classes: number): MetricTally;
}

/**
 * Tallies for one evaluation.
 *
 * @throws UserError if a metric starts none
 */
export function startTallies(metrics: readonly MetricKind[], classes: number): MetricTally[] {
  return metrics.map((metric) => {
    const tally: Partial<MetricTally> | undefined = metric.start(classes);
    if (typeof tally?.add === 'function' && typeof tally.total === 'function') return tally as MetricTally;
    throw new UserError(`metric "${metric.name}": start must return a tally { add, total }`);
  });
}

/**
 * The totals by the metrics' names.
 *
 * @throws UserError if one is no finite number
 */
export function totalsOf(
  metrics: readonly MetricKind[],
  tallies: readonly MetricTally[],
): Record<string, number> {
  return Object.fromEntries(
    metrics.map(({ name }, i) => {
      const total: unknown = tallies[i]!.total();
      if (typeof total === 'number' && Number.isFinite(total)) return [name, total];
      throw new UserError(`metric "${name}": total must give a finite number, and gave ${showValue(total)}`);
    }),
  );
}

/** Refuses metrics where no process sees the whole of an evaluation. */
export function refuseMetricsOnRanks(metrics: readonly MetricKind[] | undefined): void {
  const [first] = metrics ?? [];
  if (first === undefined) return;
  throw new UserError(
    `metric "${first.name}": is not for several ranks, of which none sees all images: leave out the plugin that adds it`,
  );
}
