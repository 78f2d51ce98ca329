import type { z } from 'zod';
import { rememberPlace } from '../core/defined-at.js';
import type { FormerNames } from '../core/former-names.js';
import type { Network } from '../networks/network.js';
import type { OptionsSchema } from '../core/choice.js';
import type { Recompute, RecomputePlan } from '../engine/recompute-choices.js';
import type { Strategy } from './strategy.js';

/** A way to train a network, by name. Built-in methods and those of plugins have the same form. */
export interface Method<Name extends string = string, Schema extends OptionsSchema = OptionsSchema> {
  /** What a config writes: `method: man`. */
  readonly name: Name;
  /**
   * Where it has one called `blocks`, that is how many blocks there shall be, and `cuts` the names of the units that
   * end one, or a word for a way to find them: what sets either for any method knows them by these names.
   */
  readonly options: Schema;
  /** Options that had another name in the release before, by the old one: it still works, and a line says the new one. */
  readonly formerly?: FormerNames;
  /**
   * Builds the strategy that trains a network in this way.
   *
   * @param options validated, defaults filled in
   * @throws UserError where the options contradict each other or do not fit the network
   */
  build(network: Network, options: z.output<Schema>): Strategy;
}

/** A method and options that its schema has validated: all that building needs to know. */
export interface ConfiguredMethod {
  readonly method: Method;
  readonly options: Readonly<Record<string, unknown>>;
  /** What its backward passes make again instead of keeping it, numbers being the same; nothing if not given. */
  readonly recompute?: Recompute | 'auto';
  /** With `auto`: bytes that a training step may take. */
  readonly memory?: number;
  /** With `auto`: what was chosen by measuring; nothing is made again without. */
  readonly plan?: RecomputePlan;
}

/** Defines a method. Returns its argument: for the types of `build`'s options, and for messages that name its place. */
export function defineMethod<const Name extends string, Schema extends OptionsSchema>(
  method: Method<Name, Schema>,
): Method<Name, Schema> {
  rememberPlace(method, defineMethod);
  return method;
}
