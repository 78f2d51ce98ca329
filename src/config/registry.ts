import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import type { DatasetKind } from '../data/kind.js';
import { builtInDatasets } from '../data/kinds/built-in.js';
import { builtInChoices, type Choices } from '../local/axes/axes.js';
import { builtInPaths } from '../local/axes/path/built-in.js';
import type { Method } from '../local/method.js';
import { methodsWith } from '../local/methods/built-in.js';
import { builtInNetworks } from '../networks/built-in.js';
import type { NetworkKind } from '../networks/network.js';
import type { MetricKind } from '../train/metric.js';
import type { OptimizerKind } from '../train/optimizer.js';
import { builtInOptimizers } from '../train/optimizers.js';
import { builtInSchedules, type ScheduleKind } from '../train/schedules.js';
import { checkedPlugin } from './plugin-results.js';
import { pluginSchema, type Plugin } from './plugin.js';
import type { LoggerKind } from './run-logger.js';

/** Everything that a config can name. */
export interface Registry {
  readonly methods: readonly Method[];
  /** Of `custom`. */
  readonly choices: Choices;
  readonly networks: readonly NetworkKind[];
  readonly datasets: readonly DatasetKind[];
  readonly optimizers: readonly OptimizerKind[];
  readonly schedules: readonly ScheduleKind[];
  /** Of every run. */
  readonly metrics: readonly MetricKind[];
  /** Of every run. */
  readonly loggers: readonly LoggerKind[];
}

/** A plugin and the file that it is from. */
export interface PluginSource {
  readonly file: string;
  readonly plugin: Plugin;
}

const forms = {
  sources: z.array(z.object({ file: z.string(), plugin: pluginSchema }), {
    error:
      "must be a list of { file, plugin }; a program's own plugin is { file: import.meta.filename, plugin }",
  }),
};

/** What is built in, and nothing else. */
export const builtInRegistry: Registry = registryWith([]);

/**
 * What is built in, and what plugins add; `custom` has all their choices.
 *
 * @param sources plugins, each with the file that messages name: of a program's own `{ file: import.meta.filename, plugin }`
 * @throws UserError where two of a kind have the same name, or one is not of that form
 */
export function registryWith(sources: readonly PluginSource[]): Registry {
  checkGiven('registryWith', forms, { sources });
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
  return {
    methods: all<Method>('method', methodsWith(choices), ({ methods }) => methods),
    choices,
    networks: all<NetworkKind>('network', builtInNetworks, ({ networks }) => networks),
    datasets: all<DatasetKind>('data set', builtInDatasets, ({ datasets }) => datasets),
    optimizers: all<OptimizerKind>('optimizer', builtInOptimizers, ({ optimizers }) => optimizers),
    schedules: all<ScheduleKind>('schedule', builtInSchedules, ({ schedules }) => schedules),
    metrics: all<MetricKind>('metric', [], ({ metrics }) => metrics),
    loggers: all<LoggerKind>('logger', [], ({ loggers }) => loggers),
  };
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
