import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../core/errors.js';
import type { Strategy } from '../local/strategy.js';
import { networkCounters, networkState } from '../networks/network.js';
import type { Counter } from '../nn/layer.js';
import { setFromTorch, toTorch, toTorchShape, type Parameter, type TorchTensor } from '../nn/parameters.js';
import type { EpochMetrics } from './events.js';
import type { Optimizer } from './sgd.js';
import type { EpochTally } from './tally.js';

/**
 * All that a run needs to go on as if it had never ended. Random numbers are not part of it: every one is drawn from a
 * stream named after the seed and what it is for: the epoch, the step, the image, or a layer's training passes, which
 * are among the counters.
 */
export interface TrainState {
  /** Of the finished epochs. */
  readonly epochs: readonly EpochMetrics[];
  /** The epoch at hand, where it was left in the middle. */
  readonly partial?: EpochTally;
  /**
   * `network/…`: parameters and running statistics by PyTorch's names; `auxiliary/…`: those of the auxiliary and
   * momentum nets; `update/…`: what an update of one's own changes beside these; `momentum/…`: the optimiser's, of each
   * of them that it has stepped.
   */
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  /** How often layers ran in training mode, by the names of their counters. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A copy of everything that changes as the strategy is trained. */
export function captureState(
  strategy: Strategy,
  optimizer: Optimizer,
): Pick<TrainState, 'tensors' | 'counters'> {
  const tensors = new Map<string, TorchTensor>();
  const momenta = optimizer.state();
  for (const parameter of trainedParameters(strategy)) {
    tensors.set(parameter.name, toTorch(parameter));
    const momentum = momenta.get(parameter.variable);
    if (momentum !== undefined) tensors.set(momentumPrefix + parameter.name, momentum);
  }
  const counters = trainedCounters(strategy).map(({ name, counter }) => [name, counter.value] as const);
  return { tensors, counters: Object.fromEntries(counters) };
}

/**
 * Puts a captured state in the place of the strategy's and the optimiser's own.
 * @throws UserError if it is not that of such a strategy, before anything is changed
 */
export function restoreState(
  strategy: Strategy,
  optimizer: Optimizer,
  { tensors, counters }: Pick<TrainState, 'tensors' | 'counters'>,
): void {
  const parameters = trainedParameters(strategy);
  const ownCounters = trainedCounters(strategy);
  refuseOthers('tensors', parameters, tensors.keys(), withoutMomentum);
  refuseOthers('counters', ownCounters, Object.keys(counters));
  for (const { name, variable } of parameters) {
    for (const each of [name, momentumPrefix + name]) checkShape(each, variable, tensors.get(each));
  }
  for (const { name, counter } of ownCounters) counter.value = counters[name]!;
  const momenta = new Map<tf.Variable, TorchTensor>();
  for (const parameter of parameters) {
    setFromTorch(parameter, tensors.get(parameter.name)!);
    const momentum = tensors.get(momentumPrefix + parameter.name);
    if (momentum !== undefined) momenta.set(parameter.variable, momentum);
  }
  optimizer.restore(momenta);
}

/** The updates that may change a tensor of a captured state, and the first of its values that is not finite. */
export function findNotFinite(
  strategy: Strategy,
  tensors: TrainState['tensors'],
): { readonly name: string; readonly value: number; readonly updates: readonly string[] } | undefined {
  for (const [name, { values }] of tensors) {
    // x − x is 0 for a finite x alone.
    const value = values.find((x) => x - x !== 0);
    if (value === undefined) continue;
    const changed = trainedParameters(strategy).find((each) => each.name === withoutMomentum(name))?.variable;
    const updates = strategy.updates.filter(({ variables }) => variables.some((each) => each === changed));
    return { name, value, updates: updates.map((update) => update.name) };
  }
  return undefined;
}

const momentumPrefix = 'momentum/';

function withoutMomentum(name: string): string {
  return name.startsWith(momentumPrefix) ? name.slice(momentumPrefix.length) : name;
}

/** Every variable once, under a name of its own. */
function trainedParameters({ network, auxiliary, updates }: Strategy): Parameter[] {
  const found = new Map<tf.Variable, Parameter>();
  const fresh = freshNames();
  const add = (name: string, variable: tf.Variable): void => {
    if (!found.has(variable)) found.set(variable, { name: fresh(name), variable });
  };
  for (const { name, variable } of networkState(network)) add(`network/${name}`, variable);
  for (const { name, variable } of auxiliary) add(`auxiliary/${name}`, variable);
  for (const update of updates) {
    for (const variable of update.variables) add(`update/${update.name}`, variable);
  }
  return [...found.values()];
}

function trainedCounters({ network, counters = [] }: Strategy): { name: string; counter: Counter }[] {
  const fresh = freshNames();
  const named = (owner: string) => (counter: Counter) => ({
    name: fresh(`${owner}/${counter.name}`),
    counter,
  });
  return [...networkCounters(network).map(named('network')), ...counters.map(named('auxiliary'))];
}

/** Tells namesakes apart, which strategies from outside may have, by their order. */
function freshNames(): (name: string) => string {
  const times = new Map<string, number>();
  return (name) => {
    const n = (times.get(name) ?? 0) + 1;
    times.set(name, n);
    return n === 1 ? name : `${name}#${n}`;
  };
}

function refuseOthers(
  what: string,
  own: readonly { readonly name: string }[],
  given: Iterable<string>,
  owner = (name: string) => name,
): void {
  const wanted = new Set(own.map(({ name }) => name));
  const found = new Set(given);
  const missing = [...wanted].find((name) => !found.has(name));
  if (missing !== undefined) throw notOfThese(`${missing} is missing among its ${what}`);
  const unknown = [...found].find((name) => !wanted.has(owner(name)));
  if (unknown !== undefined) throw notOfThese(`${unknown} is none of their ${what}`);
}

function notOfThese(reason: string): UserError {
  return new UserError(`not a state of this network and method: ${reason}`);
}

function checkShape(name: string, { shape }: tf.Variable, value: TorchTensor | undefined): void {
  if (value === undefined) return;
  const wanted = toTorchShape(shape);
  if (wanted.length === value.shape.length && wanted.every((size, i) => size === value.shape[i])) return;
  throw notOfThese(`${name} has shape [${value.shape.join(', ')}] instead of [${wanted.join(', ')}]`);
}
