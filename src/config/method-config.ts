import { z } from 'zod';
import { methodSchemas } from '../local/build.js';
import type { ConfiguredMethod, Method } from '../local/method.js';
import { bp } from '../local/methods/bp.js';
import type { NamedOptions } from '../local/options.js';

/** A method as a config asks for it, its options validated. In a config all of it is one map: `methodDocument`. */
export interface MethodConfig extends ConfiguredMethod {
  /** What tables show in the place of the method's own name, where the config says so. */
  readonly label?: string;
}

/** Backpropagation, which every method is set against. */
export const backpropagation: MethodConfig = { method: bp, options: {} };

const labelSchema = z
  .string()
  .max(60)
  .regex(/^[^\p{Cc}]+$/u, 'must be text on one line')
  .exactOptional();

type NamedConfig = NamedOptions & { readonly label?: string };

/** The maps that ask for one of the methods, `{ method, …options, label }`. */
export function methodSchema(methods: readonly Method[]): z.ZodType<MethodConfig> {
  const [first, ...others] = methodSchemas(methods).map((schema) =>
    schema.safeExtend({ label: labelSchema }),
  );
  const named = z.discriminatedUnion('method', [first!, ...others]) as unknown as z.ZodType<NamedConfig>;
  return named.transform(({ method: name, label, ...options }) => ({
    ...{ method: methods.find((method) => method.name === name)!, options },
    ...(label === undefined ? {} : { label }),
  }));
}

/** The name that tables and run folders show for a method. */
export function labelOf({ label, method }: MethodConfig): string {
  return label ?? method.name;
}

/** What of a method decides numbers, as a config has it: its name and its options, one map. */
export function namedOptions({ method, options }: ConfiguredMethod): NamedOptions {
  return { method: method.name, ...options };
}

/** A method as a config has it: what `methodSchema` reads. */
export function methodDocument({ label, ...configured }: MethodConfig): NamedConfig {
  return { ...namedOptions(configured), ...(label === undefined ? {} : { label }) };
}
