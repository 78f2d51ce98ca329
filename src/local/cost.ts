import type * as tf from '@tensorflow/tfjs';
import type { MultiplyAdds } from '../engine/multiply-adds.js';
import { unitLayers } from '../networks/network.js';
import { trainableVariables } from '../nn/layer.js';
import { roleOf } from '../nn/parameters.js';
import type { StepMultiplyAdds } from './step-cost.js';
import type { Strategy } from './strategy.js';

/** Numbers of values, running statistics aside. */
export interface ParameterCounts {
  /** Of the network as it is for BP. */
  readonly network: number;
  /** Of all that training holds beside it: auxiliary nets, decoders, momentum nets, contexts. */
  readonly auxiliary: number;
  /** Of what is used once it is trained: the network, and contexts where the method supplies them. */
  readonly inference: number;
}

/** Counts the parameters that training with a strategy holds. */
export function parameterCounts({ network, auxiliary, updates }: Strategy): ParameterCounts {
  const own = ownVariables(network);
  const used = [...network.units.flatMap(unitLayers), network.head];
  const held = new Set([
    ...trainableVariables(used),
    ...auxiliary.map(({ variable }) => variable).filter((variable) => roleOf(variable) !== 'statistics'),
    ...updates.flatMap(({ variables }) => variables),
  ]);
  return {
    network: variableSize(own),
    auxiliary: variableSize([...held].filter((variable) => !own.has(variable))),
    inference: variableSize(new Set(trainableVariables(used))),
  };
}

/** What was counted of a strategy's step, sorted. */
export function stepMultiplyAdds({ network }: Strategy, counted: MultiplyAdds): StepMultiplyAdds {
  const own = ownVariables(network) as ReadonlySet<tf.Tensor | undefined>;
  const sum = (wanted: boolean): number =>
    [...counted].reduce((total, [weight, count]) => total + (own.has(weight) === wanted ? count : 0), 0);
  return { network: sum(true), auxiliary: sum(false) };
}

/** A network's own trained variables: without contexts, which a method has added. */
export function ownVariables({ units, head }: Strategy['network']): ReadonlySet<tf.Variable> {
  return new Set(trainableVariables([...units.map(({ layer }) => layer), head]));
}

/** How many values they hold together. */
export function variableSize(variables: Iterable<tf.Variable>): number {
  return [...variables].reduce((sum, { size }) => sum + size, 0);
}
