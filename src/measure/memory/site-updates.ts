import type * as tf from '@tensorflow/tfjs';
import type { Strategy } from '../../local/strategy.js';
import { trainableVariables } from '../../nn/layer.js';
import { planSteps } from '../../train/step.js';
import { variableBytes, type StepMemory, type UpdateMemory } from './measure.js';

/** A strategy, and what its step took. */
export interface MeasuredStrategy {
  readonly strategy: Strategy;
  readonly step: StepMemory;
}

/** An update, and which of the network's units it has to do with, by their positions. */
export interface SiteUpdate extends UpdateMemory {
  /** The first unit of those whose parameters it changes, or that its loss goes through. */
  readonly first: number;
  /** Units that have gradients from earlier updates when it starts: those wait to be summed with its own. */
  readonly pending: ReadonlySet<number>;
  /** Units that ran in an earlier update, and what they kept waits for this one or a later one. */
  readonly recorded: ReadonlySet<number>;
  /** Bytes of such gradients, of auxiliary nets too. */
  readonly pendingBytes: number;
  /** Bytes of its parameters that are not the network's. */
  readonly auxiliaryBytes: number;
}

/** The unit that each of the network's variables belongs to; the head's belong to the last. */
export type Owners = ReadonlyMap<tf.Variable, number>;

export function ownersOf({ units, head }: Strategy['network']): Owners {
  const owners = new Map<tf.Variable, number>();
  units.forEach(({ layer }, i) => trainableVariables([layer]).forEach((variable) => owners.set(variable, i)));
  trainableVariables([head]).forEach((variable) => owners.set(variable, units.length - 1));
  return owners;
}

/** Updates by the last unit whose parameters they change or go through; one without any belongs to no block. */
export function updatesBySite(
  { strategy: { updates }, step }: MeasuredStrategy,
  owners: Owners,
): ReadonlyMap<number, readonly SiteUpdate[]> {
  const plan = planSteps(updates);
  const unitsOf = (variables: Iterable<tf.Variable>): Set<number> =>
    new Set([...variables].flatMap((variable) => owners.get(variable) ?? []));
  const bySite = new Map<number, SiteUpdate[]>();
  const waiting = new Set<tf.Variable>();
  const recorded = new Set<tf.Variable>();
  updates.forEach(({ variables, through = [] }, i) => {
    const own = [...new Set(variables)];
    const units = unitsOf([...own, ...through]);
    if (units.size > 0) {
      const site = Math.max(...units);
      const update: SiteUpdate = {
        ...step.updates[i]!,
        first: Math.min(...units),
        pending: unitsOf(waiting),
        recorded: unitsOf(recorded),
        pendingBytes: variableBytes(waiting),
        auxiliaryBytes: variableBytes(own.filter((variable) => !owners.has(variable))),
      };
      bySite.set(site, [...(bySite.get(site) ?? []), update]);
    }
    for (const variable of through) recorded.add(variable);
    for (const variable of own) {
      recorded.delete(variable);
      waiting.add(variable);
    }
    for (const variable of plan[i]!.steps.keys()) waiting.delete(variable);
  });
  return bySite;
}
