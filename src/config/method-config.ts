import { z } from 'zod';
import { underNewNames } from '../core/choice.js';
import { sizeOf, sizeRule } from '../core/size.js';
import { recomputeChoices } from '../engine/recompute-choices.js';
import { methodSchemas } from '../local/build.js';
import type { ConfiguredMethod, Method } from '../local/method.js';
import { bp } from '../local/methods/bp.js';
import type { NamedOptions } from '../local/options.js';
import { isReference } from './reference.js';

/** A method as a config asks for it, its options validated. In a config all of it is one map: `methodDocument`. */
export interface MethodConfig extends ConfiguredMethod {
  /** What tables show in the place of the method's own name, where the config says so. */
  readonly label?: string;
  /** Micro-batches that its batches are cut into, in place of `train.accumulate`. */
  readonly accumulate?: number;
}

/** Backpropagation, which every method is set against. */
export const backpropagation: MethodConfig = { method: bp, options: {} };

/** What methods can be set against, by the name that tables show. */
const baselines = {
  bp: backpropagation,
  /** BP with gradient checkpointing (Chen et al. 2016): the memory that it can do with, for another forward pass. */
  'bp+checkpointing': { ...backpropagation, label: 'bp+checkpointing', recompute: 'units' },
  /** BP in four micro-batches: a quarter of the activations, and batch normalisation over a quarter of the batch. */
  'bp+accumulation': { ...backpropagation, label: 'bp+accumulation', accumulate: 4 },
} as const satisfies Readonly<Record<string, MethodConfig>>;

/** Baselines by name, as a config lists them; also one name alone, and `none`. */
export const baselinesSchema = z
  .preprocess(
    (value) => (value === 'none' ? [] : typeof value === 'string' ? [value] : value),
    z.array(z.enum(Object.keys(baselines) as (keyof typeof baselines)[])).readonly(),
  )
  .exactOptional();

/** What a baseline is. */
export const baselineOf = (name: keyof typeof baselines): MethodConfig => baselines[name];

/** The methods with the baselines in front of them that are not among them. */
export function withBaselines(
  methods: readonly MethodConfig[],
  names: readonly (keyof typeof baselines)[],
): MethodConfig[] {
  const missing = [...new Set(names)].map(baselineOf);
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
const recomputeSchema = z.enum([...recomputeChoices, 'auto']).exactOptional();

/** In place of `train.accumulate`, so that methods with micro-batches of different sizes can be compared. */
const accumulateSchema = z.int().min(1).exactOptional();

/** With `recompute: auto`: what a training step may take, as bytes or such as `2GB`. */
const memorySchema = z
  .union([z.int().min(1), z.string()])
  .transform((size, context) => {
    if (typeof size === 'number') return size;
    const bytes = sizeOf(size);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: 'custom', message: sizeRule });
    return z.NEVER;
  })
  .exactOptional();

export type Ways = Pick<MethodConfig, 'recompute' | 'memory' | 'accumulate'>;

/** What a method's map has beside its options. */
const besideOptions = {
  label: labelSchema,
  recompute: recomputeSchema,
  memory: memorySchema,
  accumulate: accumulateSchema,
};

/** The keys of a method's map that no option may have. */
export const commonMethodKeys = ['method', ...Object.keys(besideOptions)];

type NamedConfig = NamedOptions & Ways & { readonly label?: string };

/** The maps that ask for one of the methods, `{ method, …options, label }`. */
export function methodSchema(methods: readonly Method[]): z.ZodType<MethodConfig> {
  const [first, ...others] = methodSchemas(methods).map((schema) => schema.safeExtend(besideOptions));
  const union = z.discriminatedUnion('method', [first!, ...others]);
  const named = underNewNames('method', methods, union) as z.ZodType<NamedConfig>;
  return named
    .superRefine(refuseLoneBudget)
    .transform(({ method: name, label, recompute, memory, accumulate, ...options }) => {
      const ways = waysOf({ recompute, memory, accumulate });
      const shown = label ?? labelFor(name, ways);
      return {
        ...{ method: methods.find((method) => method.name === name)!, options },
        ...(shown === undefined ? {} : { label: shown }),
        ...ways,
      };
    });
}

/** Those that are given. */
function waysOf({ recompute, memory, accumulate }: { [Key in keyof Ways]?: Ways[Key] | undefined }): Ways {
  return {
    ...(recompute === undefined ? {} : { recompute }),
    ...(memory === undefined ? {} : { memory }),
    ...(accumulate === undefined ? {} : { accumulate }),
  };
}

function refuseLoneBudget({ recompute, memory }: NamedConfig, context: z.RefinementCtx): void {
  if ((recompute === 'auto') === (memory !== undefined)) return;
  const message =
    memory === undefined
      ? 'recompute: auto needs memory: what a training step may take, such as 2GB'
      : 'is for recompute: auto alone: how much a training step may take';
  context.addIssue({ code: 'custom', path: [memory === undefined ? 'recompute' : 'memory'], message });
}

/** A method that recomputes, or runs micro-batches of its own, is told apart from the same one that does not. */
export function labelFor(name: string, { recompute = 'none', accumulate = 1 }: Ways): string | undefined {
  const again = { none: '', units: '+checkpointing', segments: '+segments', auto: '+auto' }[recompute];
  const label = `${name}${again}${accumulate > 1 ? '+accumulation' : ''}`;
  return label === name ? undefined : label;
}

/** The same method with other recomputing, and a label that says so. */
export function recomputingWith(
  { method, options, label, ...ways }: MethodConfig,
  setting: Pick<MethodConfig, 'recompute' | 'memory'>,
): MethodConfig {
  const own = label === labelFor(method.name, ways) ? method.name : (label ?? method.name);
  const { accumulate } = ways;
  const changed = waysOf({ accumulate, ...setting });
  return { method, options, ...changed, label: labelFor(own, changed) ?? own };
}

/** Whether this is what all other methods are set against. */
export function isBaseline({ method, recompute, accumulate }: MethodConfig): boolean {
  return isReference({ method: method.name, recompute, accumulate });
}

/** Into how many micro-batches the batches of a method are cut. */
export function accumulateOf(
  method: MethodConfig,
  train: { readonly accumulate?: number | undefined },
): number {
  return method.accumulate ?? train.accumulate ?? 1;
}

/** The name that tables and run folders show for a method. */
export function labelOf({ label, method }: MethodConfig): string {
  return label ?? method.name;
}

/** What of a method decides numbers and memory, as a config has it: its name and its options, one map. */
export function namedOptions({ method, options, ...ways }: MethodConfig): NamedOptions {
  return {
    ...{ method: method.name, ...options },
    ...waysOf(ways),
  };
}

/** A method as a config has it: what `methodSchema` reads. */
export function methodDocument({ label, ...configured }: MethodConfig): NamedConfig {
  return { ...namedOptions(configured), ...(label === undefined ? {} : { label }) };
}
