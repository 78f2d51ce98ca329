import { z } from 'zod';
import type { AuxiliaryNet } from '../local/axes/auxiliary/auxiliary.js';
import type { BridgeBuilder } from '../local/axes/bridge/bridge.js';
import type { Choice } from '../core/choice.js';
import { rememberPlace } from '../core/defined-at.js';
import { functionSchema } from '../core/given.js';
import type { DatasetKind } from '../data/kind.js';
import { commonDataKeys } from '../data/options.js';
import type { LocalLoss } from '../local/axes/loss/loss.js';
import type { Method } from '../local/method.js';
import type { NetworkKind } from '../networks/network.js';
import type { MetricKind } from '../train/metric.js';
import type { OptimizerKind } from '../train/optimizer.js';
import type { ScheduleKind } from '../train/schedules.js';
import { commonMethodKeys } from './method-config.js';
import type { LoggerKind } from './run-logger.js';
import type { PathBuilder } from '../local/axes/path/path.js';

/**
 * What a file adds to what configs can name: `export const plugin = definePlugin({ … })`. Each has the form of the
 * built-in ones; `defineDataset`, `defineNetwork`, `defineMethod`, `defineAuxiliary`, … give its options their types.
 */
export interface Plugin {
  readonly datasets?: readonly DatasetKind[];
  readonly networks?: readonly NetworkKind[];
  readonly methods?: readonly Method[];
  readonly paths?: readonly Choice<PathBuilder>[];
  readonly bridges?: readonly Choice<BridgeBuilder | undefined>[];
  readonly auxiliaries?: readonly Choice<AuxiliaryNet>[];
  readonly losses?: readonly Choice<LocalLoss>[];
  readonly optimizers?: readonly OptimizerKind[];
  readonly schedules?: readonly ScheduleKind[];
  /** They are told of every evaluation of a run whose config names the plugin. */
  readonly metrics?: readonly MetricKind[];
  /** They log every run whose config names the plugin. */
  readonly loggers?: readonly LoggerKind[];
}

/** Returns its argument: for the types, and for messages that name the place of what has no `define…` of its own. */
export function definePlugin(plugin: Plugin): Plugin {
  // Of a file that no type checker has seen it may be anything.
  for (const kind of Object.values((plugin as Plugin | undefined) ?? {}).flat())
    rememberPlace(kind, definePlugin);
  return plugin;
}

const nameSchema = z
  .string()
  .max(60)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" and "-"');

/** `taken`: keys beside the options that the program gives a meaning of its own. */
function definitions(...taken: readonly string[]) {
  const options = z
    .instanceof(z.ZodObject, { error: 'must be a schema, such as z.strictObject({ layers: z.int() })' })
    .superRefine(({ shape }, context) => {
      const clash = taken.find((key) => Object.hasOwn(shape, key));
      if (clash === undefined) return;
      context.addIssue(`has an option "${clash}", which means something else beside it; call it otherwise`);
    });
  const formerly = z.record(z.string(), z.string()).exactOptional();
  return z
    .array(z.strictObject({ name: nameSchema, options, formerly, build: functionSchema }))
    .exactOptional();
}

/** The form of a plugin, for files that no type checker has seen. */
export const pluginSchema = z.strictObject({
  networks: definitions('name', 'weights'),
  methods: definitions(...commonMethodKeys),
  paths: definitions('name'),
  bridges: definitions('name'),
  auxiliaries: definitions('name'),
  losses: definitions('name', 'weight'),
  datasets: definitions('name', ...commonDataKeys),
  optimizers: definitions('name'),
  schedules: definitions('name'),
  metrics: z.array(z.strictObject({ name: nameSchema, start: functionSchema })).exactOptional(),
  loggers: z.array(z.strictObject({ name: nameSchema, start: functionSchema })).exactOptional(),
}) as unknown as z.ZodType<Plugin>;
