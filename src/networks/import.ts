import { UserError } from '../core/errors.js';
import { setFromTorch, toTorchShape } from '../nn/parameters.js';
import type { SafeTensor } from '../formats/safetensors.js';
import { networkCounters, networkState, type Network } from './network.js';

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
): void {
  const refuse = (reason: string): never => {
    throw new UserError(
      `${source}: not the weights of this ${network.name}: ${reason}; they belong to another config`,
    );
  };
  const found = (name: string): SafeTensor => tensors.get(name) ?? refuse(`${name} is missing`);
  const parameters = networkState(network).map((parameter) => {
    const { shape, values } = found(parameter.name);
    const wanted = toTorchShape(parameter.variable.shape);
    if (shape.length !== wanted.length || shape.some((size, i) => size !== wanted[i])) {
      refuse(`${parameter.name} has shape [${shape.join(', ')}] instead of [${wanted.join(', ')}]`);
    }
    if (!(values instanceof Float32Array)) return refuse(`${parameter.name} is not of type F32`);
    return { parameter, value: { shape, values } };
  });
  const counters = networkCounters(network)
    .filter(({ torch }) => torch)
    .map((counter) => {
      const { values } = found(counter.name);
      if (!(values instanceof BigInt64Array) || values.length !== 1) {
        return refuse(`${counter.name} is not one number of type I64`);
      }
      return { counter, value: Number(values[0]) };
    });
  const known = new Set([
    ...parameters.map((each) => each.parameter.name),
    ...counters.map((each) => each.counter.name),
  ]);
  const unknown = [...tensors.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) refuse(`it has no ${unknown}`);
  for (const { parameter, value } of parameters) setFromTorch(parameter, value);
  for (const { counter, value } of counters) counter.value = value;
}
