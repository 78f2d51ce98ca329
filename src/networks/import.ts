import { z } from 'zod';
import { networkSchema } from './forms.js';
import { checkGiven } from '../core/given.js';
import { UserError } from '../core/errors.js';
import { startFromTorch, toTorchShape } from '../nn/parameters.js';
import type { SafeTensor } from '../formats/safetensors.js';
import { networkCounters, networkState, unitLayers, type Network } from './network.js';

/** How weights are taken. */
export interface LoadOptions {
  /** `new`: the network keeps its own head, and the weights' is not read. Default: `loaded`. */
  readonly head?: 'loaded' | 'new';
  /** What messages advise where the head does not fit. */
  readonly otherHead?: string;
  /** And where anything else does not. */
  readonly otherNetwork?: string;
}

const forms = {
  network: networkSchema,
  tensors: z.instanceof(Map, { error: 'must be a Map of tensors by name, as networkWeights gives it' }),
  source: z.string(),
};

const otherConfig = 'they belong to another config';

/**
 * Puts weights in the place of a network's own.
 *
 * @param tensors what `networkWeights` gives
 * @param source where they are from, for messages
 * @throws UserError if a tensor is missing or unknown or has another shape or type, before anything is changed
 */
export function loadWeights(
  network: Network,
  tensors: ReadonlyMap<string, SafeTensor>,
  source: string,
  { head = 'loaded', otherHead = otherConfig, otherNetwork = otherConfig }: LoadOptions = {},
): void {
  checkGiven('loadWeights', forms, { network, tensors, source });
  const isOfHead = headNames(network);
  const refuse = (name: string, reason: string): never => {
    const advice = isOfHead(name) ? otherHead : otherNetwork;
    throw new UserError(`${source}: not the weights of this ${network.name}: ${reason}; ${advice}`);
  };
  const found = (name: string): SafeTensor => tensors.get(name) ?? refuse(name, `${name} is missing`);
  const isWanted = ({ name }: { readonly name: string }): boolean => head === 'loaded' || !isOfHead(name);
  const parameters = networkState(network)
    .filter(isWanted)
    .map((parameter) => {
      const { shape, values } = found(parameter.name);
      const wanted = toTorchShape(parameter.variable.shape);
      if (shape.length !== wanted.length || shape.some((size, i) => size !== wanted[i])) {
        refuse(
          parameter.name,
          `${parameter.name} has shape [${shape.join(', ')}] instead of [${wanted.join(', ')}]`,
        );
      }
      if (!(values instanceof Float32Array))
        return refuse(parameter.name, `${parameter.name} is not of type F32`);
      return { parameter, value: { shape, values } };
    });
  const counters = networkCounters(network)
    .filter(({ torch }) => torch)
    .filter(isWanted)
    .map((counter) => {
      const { values } = found(counter.name);
      if (!(values instanceof BigInt64Array) || values.length !== 1) {
        return refuse(counter.name, `${counter.name} is not one number of type I64`);
      }
      return { counter, value: Number(values[0]) };
    });
  const known = new Set([
    ...parameters.map((each) => each.parameter.name),
    ...counters.map((each) => each.counter.name),
  ]);
  const unknown = [...tensors.keys()].find((name) => !known.has(name) && isWanted({ name }));
  if (unknown !== undefined) refuse(unknown, `it has no ${unknown}`);
  for (const { parameter, value } of parameters) startFromTorch(parameter, value);
  for (const { counter, value } of counters) counter.value = value;
}

/**
 * Whether a name is of the head: one of its own, or in a module that it shares with no unit, as another head's is:
 * torchvision's `classifier.6.weight` for a `classifier.weight`.
 */
function headNames({ units, head }: Network): (name: string) => boolean {
  const own = new Set(
    [...head.parameters, ...head.buffers, ...(head.counters ?? [])].map(({ name }) => name),
  );
  const moduleOf = (name: string): string => name.split('.')[0]!;
  const modules = new Set([...own].map(moduleOf));
  for (const { parameters } of units.flatMap((unit) => unitLayers(unit))) {
    for (const { name } of parameters) modules.delete(moduleOf(name));
  }
  return (name) => own.has(name) || modules.has(moduleOf(name));
}
