import { z } from 'zod';
import { inPhase } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import type { Network } from '../networks/network.js';
import { builtInChoices, builtInPaths } from './axes/axes.js';
import { labelled, type Choices, type OptionsSchema } from './choice.js';
import type { Method } from './method.js';
import { builtInMethods } from './methods/built-in.js';
import { customMethod } from './methods/custom.js';
import type { NamedOptions, StrategyOptions, StrategyOptionsInput } from './options.js';
import { checkedPlugin } from './plugin-results.js';
import type { Plugin } from './plugin.js';
import type { Strategy } from './strategy.js';

/** All the methods and choices that there are. */
export interface Registry {
  readonly methods: readonly Method[];
  readonly choices: Choices;
}

/** A plugin and the file that it is from. */
export interface PluginSource {
  readonly file: string;
  readonly plugin: Plugin;
}

/** The built-in methods and choices, and nothing else. */
export const builtInRegistry: Registry = registryWith([]);

/**
 * The built-in methods and choices, and those of plugins; `custom` has them all to choose from.
 *
 * Throws a UserError where two have the same name.
 */
export function registryWith(sources: readonly PluginSource[]): Registry {
  const added = sources.map(({ file, plugin }) => ({ file, plugin: checkedPlugin(plugin, file) }));
  const all = <Item extends Named>(
    kind: string,
    builtIn: readonly Item[],
    pick: (plugin: Plugin) => readonly Item[] | undefined,
  ): readonly Item[] => {
    const items = [
      ...builtIn.map((item) => ({ owner: 'locallearn itself', item })),
      ...added.flatMap(({ file, plugin }) => (pick(plugin) ?? []).map((item) => ({ owner: file, item }))),
    ];
    refuseTwins(kind, items);
    return items.map(({ item }) => item);
  };
  const allLosses = all('loss', builtInChoices.losses, ({ losses }) => losses);
  const choices: Choices = {
    paths: all('path', builtInPaths(allLosses), ({ paths }) => paths),
    bridges: all('bridge', builtInChoices.bridges, ({ bridges }) => bridges),
    auxiliaries: all('auxiliary', builtInChoices.auxiliaries, ({ auxiliaries }) => auxiliaries),
    losses: allLosses,
    fusions: builtInChoices.fusions,
  };
  const own: readonly Method[] = [...builtInMethods, customMethod(choices)];
  return { methods: all('method', own, ({ methods }) => methods), choices };
}

interface Named {
  readonly name: string;
}

function refuseTwins(kind: string, items: readonly { readonly owner: string; readonly item: Named }[]): void {
  const owners = new Map<string, string>();
  for (const { owner, item } of items) {
    const other = owners.get(item.name);
    if (other !== undefined) {
      const both = other === owner ? 'twice' : `and in ${other} too`;
      throw new UserError(`${owner}: ${kind} "${item.name}" is defined here ${both}; call one otherwise`);
    }
    owners.set(item.name, owner);
  }
}

/** Each method's options, with its name as `method`. */
export function methodSchemas({ methods }: Registry): readonly OptionsSchema[] {
  return methods.map(({ name, options }) => labelled(options, 'method', name));
}

/** The options of all methods, told apart by `method`. */
export function strategyOptionsSchema(registry: Registry): z.ZodType<NamedOptions> {
  const [first, ...others] = methodSchemas(registry);
  return z.discriminatedUnion('method', [first!, ...others]) as unknown as z.ZodType<NamedOptions>;
}

/** The options of the built-in methods, told apart by `method`. */
export const builtInOptionsSchema = strategyOptionsSchema(builtInRegistry) as unknown as z.ZodType<
  StrategyOptions,
  StrategyOptionsInput
>;

/**
 * Builds a method for a network: a published one, a `custom` combination of their parts, or one of the registry given.
 *
 * Throws a UserError where the network has too few units for the options, the options contradict each other or memory
 * does not suffice for the auxiliary nets, and a ZodError for invalid options.
 */
export function buildStrategy(network: Network, options: StrategyOptionsInput): Strategy;
export function buildStrategy(network: Network, options: NamedOptions, registry: Registry): Strategy;
export function buildStrategy(network: Network, options: NamedOptions, registry = builtInRegistry): Strategy {
  const { method: name, ...valid } = strategyOptionsSchema(registry).parse(options);
  const method = registry.methods.find((each) => each.name === name)!;
  return inPhase(`method ${name}`, 'take smaller auxiliary nets, or fewer of them', () =>
    method.build(network, valid),
  );
}
