import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../core/errors.js';
import type { Strategy } from '../local/strategy.js';
import { networkCounters, networkState } from '../networks/network.js';
import type { Counter } from '../nn/layer.js';
import { setFromTorch, toTorch, toTorchShape, type Parameter, type TorchTensor } from '../nn/parameters.js';
import type { EpochMetrics } from './events.js';
import type { Kept, KeptOfVariable } from './kept.js';
import type { Optimizer } from './optimizer.js';
import type { EpochTally } from './tally.js';
import type { WeightAverage } from './weight-average.js';

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
   * momentum nets; `update/…`: what an update of one's own changes beside these; `momentum/network/…`, or `exp_avg/…`
   * and the like: what the optimiser keeps of each of them that it has stepped, by names of its own; `average/…`:
   * averages of the weights, which evaluation uses, where there are any.
   */
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  /** How often layers ran in training mode, by the names of their counters. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A copy of everything that changes as the strategy is trained. */
export function captureState(
  strategy: Strategy,
  optimizer: Optimizer,
  average?: WeightAverage,
): Pick<TrainState, 'tensors' | 'counters'> {
  const tensors = new Map<string, TorchTensor>();
  const kept = optimizer.state();
  const averages = average?.state();
  for (const parameter of trainedParameters(strategy)) {
    tensors.set(parameter.name, toTorch(parameter));
    for (const [word, tensor] of Object.entries(kept.get(parameter.variable) ?? {})) {
      checkKept(word, tensor);
      tensors.set(`${word}/${parameter.name}`, tensor);
    }
    const own = averages?.get(parameter.variable)?.[averageWord];
    if (own !== undefined) tensors.set(`${averageWord}/${parameter.name}`, own);
  }
  const counters = trainedCounters(strategy).map(({ name, counter }) => [name, counter.value] as const);
  return { tensors, counters: Object.fromEntries(counters) };
}

/**
 * Puts a captured state in the place of the strategy's, the optimiser's and the averages' own.
 * @throws UserError if it is not that of such a strategy, before anything is changed
 */
export function restoreState(
  strategy: Strategy,
  optimizer: Optimizer,
  { tensors, counters }: Pick<TrainState, 'tensors' | 'counters'>,
  average?: WeightAverage,
): void {
  refuseOtherState(strategy, { tensors, counters });
  const parameters = trainedParameters(strategy);
  const ownCounters = trainedCounters(strategy);
  const ofAverage = (word: string): boolean => average !== undefined && word === averageWord;
  average?.restore(keptIn(tensors, parameters, ofAverage));
  optimizer.restore(keptIn(tensors, parameters, (word) => !ofAverage(word)));
  for (const { name, counter } of ownCounters) counter.value = counters[name]!;
  for (const parameter of parameters) setFromTorch(parameter, tensors.get(parameter.name)!);
}

/**
 * Refuses what is not the state of such a strategy.
 *
 * @throws UserError that says why
 */
export function refuseOtherState(
  strategy: Strategy,
  { tensors, counters }: Pick<TrainState, 'tensors' | 'counters'>,
): void {
  const parameters = trainedParameters(strategy);
  refuseOthers('tensors', parameters, tensors.keys(), ownerOf);
  refuseOthers('counters', trainedCounters(strategy), Object.keys(counters));
  for (const { name, variable } of parameters) checkShape(name, variable, tensors.get(name));
}

/** Of a state what is a strategy's: in the order in which `captureState` has it. */
export function stateOf(
  strategy: Strategy,
  { tensors, counters }: Pick<TrainState, 'tensors' | 'counters'>,
): Pick<TrainState, 'tensors' | 'counters'> {
  const byOwner = new Map(
    trainedParameters(strategy).map(({ name }) => [name, [] as [string, TorchTensor][]]),
  );
  for (const [name, tensor] of tensors) byOwner.get(ownerOf(name))?.push([name, tensor]);
  const own = trainedCounters(strategy).flatMap(({ name }) =>
    counters[name] === undefined ? [] : [[name, counters[name]] as const],
  );
  return { tensors: new Map([...byOwner.values()].flat()), counters: Object.fromEntries(own) };
}

/** What was kept of parameters by words that are wanted, among a state's tensors. */
function keptIn(
  tensors: TrainState['tensors'],
  parameters: readonly Parameter[],
  isWanted: (word: string) => boolean,
): Kept {
  const variables = new Map(parameters.map(({ name, variable }) => [name, variable]));
  const kept = new Map<tf.Variable, KeptOfVariable>();
  for (const [name, tensor] of tensors) {
    const { word, owner } = split(name);
    if (word === undefined || !isWanted(word)) continue;
    const variable = variables.get(owner)!;
    kept.set(variable, { ...kept.get(variable), [word]: tensor });
  }
  return kept;
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
    const changed = trainedParameters(strategy).find((each) => each.name === ownerOf(name))?.variable;
    const updates = strategy.updates.filter(({ variables }) => variables.some((each) => each === changed));
    return { name, value, updates: updates.map((update) => update.name) };
  }
  return undefined;
}

/** What parameters' names begin with. */
const kinds = ['network', 'auxiliary', 'update'];
const averageWord = 'average';

/** Whether a state's tensor is an average of weights. */
export const isAverage = (name: string): boolean => split(name).word === averageWord;

/** `momentum/network/conv1.weight`: what is kept, and of which parameter; a parameter's own name has no such word. */
function split(name: string): { readonly word?: string; readonly owner: string } {
  const slash = name.indexOf('/');
  const word = name.slice(0, slash);
  return kinds.includes(word) ? { owner: name } : { word, owner: name.slice(slash + 1) };
}

function ownerOf(name: string): string {
  return split(name).owner;
}

/** Throws a UserError for what an optimiser of one's own cannot keep. */
function checkKept(word: string, { shape, values }: TorchTensor): void {
  if ([...kinds, averageWord].includes(word) || word.includes('/')) {
    throw new UserError(`train.optimizer: keeps a tensor called "${word}": call it otherwise`);
  }
  if (!Array.isArray(shape) || !(values instanceof Float32Array)) {
    throw new UserError(
      `train.optimizer: what it keeps of a variable must be tensors by name, { shape, values }, and "${word}" is none`,
    );
  }
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
