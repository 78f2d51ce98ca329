import type { z } from 'zod';
import type { Network } from '../networks/network.js';
import type { OptionsSchema } from '../core/choice.js';
import type { Strategy } from './strategy.js';

/** A way to train a network, by name. Built-in methods and those of plugins have the same form. */
export interface Method<Name extends string = string, Schema extends OptionsSchema = OptionsSchema> {
  /** What a config writes: `method: man`. */
  readonly name: Name;
  readonly options: Schema;
  /**
   * Builds the strategy that trains a network in this way.
   *
   * @param options validated, defaults filled in
   * @throws UserError where the options contradict each other or do not fit the network
   */
  build(network: Network, options: z.output<Schema>): Strategy;
}

/** Defines a method. Returns its argument: for the types of `build`'s options alone. */
export function defineMethod<const Name extends string, Schema extends OptionsSchema>(
  method: Method<Name, Schema>,
): Method<Name, Schema> {
  return method;
}
