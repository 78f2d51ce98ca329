import { z } from 'zod';
import { recomputeChoices, type Recompute } from '../engine/recompute-choices.js';
import { methodSchemas } from '../local/build.js';
import type { ConfiguredMethod, Method } from '../local/method.js';
import { bp } from '../local/methods/bp.js';
import type { NamedOptions } from '../local/options.js';
import { isReference } from './reference.js';

/** A method as a config asks for it, its options validated. In a config all of it is one map: `methodDocument`. */
export interface MethodConfig extends ConfiguredMethod {
  /** What tables show in the place of the method's own name, where the config says so. */
  readonly label?: string;
}

/** Backpropagation, which every method is set against. */
export const backpropagation: MethodConfig = { method: bp, options: {} };

/** What methods can be set against, by the name that tables show. */
const baselines = {
  bp: backpropagation,
  /** BP with gradient checkpointing (Chen et al. 2016): the memory that it can do with, for another forward pass. */
  'bp+checkpointing': { ...backpropagation, label: 'bp+checkpointing', recompute: 'units' },
} as const satisfies Readonly<Record<string, MethodConfig>>;

/** Baselines by name, as a config lists them. */
export const baselinesSchema = z
  .array(z.enum(Object.keys(baselines) as (keyof typeof baselines)[]))
  .readonly()
  .exactOptional();

/** The methods with the baselines in front of them that are not among them. */
export function withBaselines(
  methods: readonly MethodConfig[],
  names: readonly (keyof typeof baselines)[],
): MethodConfig[] {
  const missing = [...new Set(names)].map((name): MethodConfig => baselines[name]);
  const labels = new Set(methods.map(labelOf));
  return [...missing.filter((each) => !labels.has(labelOf(each))), ...methods];
}

const labelSchema = z
  .string()
  .max(60)
  .regex(/^[^\p{Cc}]+$/u, 'must be text on one line')
  .exactOptional();

/**
 * What the backward passes of any method make again instead of keeping it: nothing; what lies within a unit, and within
 * a layer of an auxiliary net (`units`); or also most inputs of units (`segments`). The numbers are the same.
 */
const recomputeSchema = z.enum(recomputeChoices).exactOptional();

type NamedConfig = NamedOptions & { readonly label?: string; readonly recompute?: Recompute };

/** The maps that ask for one of the methods, `{ method, …options, label }`. */
export function methodSchema(methods: readonly Method[]): z.ZodType<MethodConfig> {
  const [first, ...others] = methodSchemas(methods).map((schema) =>
    schema.safeExtend({ label: labelSchema, recompute: recomputeSchema }),
  );
  const named = z.discriminatedUnion('method', [first!, ...others]) as unknown as z.ZodType<NamedConfig>;
  return named.transform(({ method: name, recompute, label = labelFor(name, recompute), ...options }) => ({
    ...{ method: methods.find((method) => method.name === name)!, options },
    ...(label === undefined ? {} : { label }),
    ...(recompute === undefined ? {} : { recompute }),
  }));
}

/** A method that recomputes is told apart from the same one that does not. */
export function labelFor(name: string, recompute: Recompute = 'none'): string | undefined {
  return { none: undefined, units: `${name}+checkpointing`, segments: `${name}+segments` }[recompute];
}

/** Whether this is what all other methods are set against. */
export function isBaseline({ method, recompute }: MethodConfig): boolean {
  return isReference({ method: method.name, recompute });
}

/** The name that tables and run folders show for a method. */
export function labelOf({ label, method }: MethodConfig): string {
  return label ?? method.name;
}

/** What of a method decides numbers and memory, as a config has it: its name and its options, one map. */
export function namedOptions({ method, options, recompute }: ConfiguredMethod): NamedOptions {
  return { method: method.name, ...options, ...(recompute === undefined ? {} : { recompute }) };
}

/** A method as a config has it: what `methodSchema` reads. */
export function methodDocument({ label, ...configured }: MethodConfig): NamedConfig {
  return { ...namedOptions(configured), ...(label === undefined ? {} : { label }) };
}
