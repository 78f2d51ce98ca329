import { z } from 'zod';
import { labelled, underNewNames, type OptionsSchema } from '../core/choice.js';
import { checkGiven, validGiven } from '../core/given.js';
import { inPhase } from '../engine/out-of-memory.js';
import { networkSchema } from '../networks/forms.js';
import type { Network } from '../networks/network.js';
import { builtInChoices } from './axes/axes.js';
import type { ConfiguredMethod, Method } from './method.js';
import { methodsWith } from './methods/built-in.js';
import type { NamedOptions, StrategyOptions, StrategyOptionsInput } from './options.js';
import { recomputing, type Strategy } from './strategy.js';

/** The methods that there are: a registry has them. */
export interface Methods {
  readonly methods: readonly Method[];
}

const allBuiltIn: readonly Method[] = methodsWith(builtInChoices);

/** Each method's options, with its name as `method`. */
export function methodSchemas(methods: readonly Method[]): readonly OptionsSchema[] {
  return methods.map(({ name, options }) => labelled(options, 'method', name));
}

/** The options of all methods, told apart by `method`. */
function strategyOptionsSchema(methods: readonly Method[]): z.ZodType<NamedOptions> {
  const [first, ...others] = methodSchemas(methods);
  const union = z.discriminatedUnion('method', [first!, ...others]);
  return underNewNames('method', methods, union) as z.ZodType<NamedOptions>;
}

/** The options of the built-in methods, told apart by `method`. */
export const builtInOptionsSchema = strategyOptionsSchema(allBuiltIn) as unknown as z.ZodType<
  StrategyOptions,
  StrategyOptionsInput
>;

/**
 * Builds a method for a network: a published one, or a `custom` combination of their parts.
 *
 * @throws UserError where the network has too few units for the options, the options contradict each other or memory
 * does not suffice for the auxiliary nets, and for invalid options
 */
export function buildStrategy(network: Network, options: StrategyOptionsInput): Strategy;
/**
 * Builds a method of a registry, one of a plugin too.
 *
 * @throws UserError as for a built-in method
 */
export function buildStrategy(network: Network, options: NamedOptions, registry: Methods): Strategy;
export function buildStrategy(
  network: Network,
  options: NamedOptions,
  { methods }: Methods = { methods: allBuiltIn },
): Strategy {
  checkGiven('buildStrategy', { network: networkSchema }, { network });
  const { method: name, ...valid } = validGiven(
    'buildStrategy',
    'options',
    strategyOptionsSchema(methods),
    options,
  );
  return buildMethod(network, { method: methods.find((each) => each.name === name)!, options: valid });
}

/** As `buildStrategy`, of options that are validated. */
export function buildMethod(
  network: Network,
  { method, options, recompute = 'none', plan }: ConfiguredMethod,
): Strategy {
  return inPhase(`method ${method.name}`, 'take smaller auxiliary nets, or fewer of them', () =>
    recomputing(method.build(network, options), recompute === 'auto' ? (plan ?? 'none') : recompute),
  );
}
