import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { datasetNames } from '../data/registry.js';
import { engineNames } from '../engine/engine.js';
import { messageOf, UserError } from '../errors.js';
import { strategyOptionsSchema, type StrategyOptions } from '../local/options.js';
import { trainOptionsSchema } from '../train/options.js';
import { applyOverride, parseOverride } from './overrides.js';
import { check, formatPath, type Problem } from './schema-problems.js';
import { visible } from './visible.js';
import { parseYaml } from './yaml-source.js';

const dataSchema = z.strictObject({
  name: z.enum(datasetNames),
  /** The folder that holds the files, where they are not in their usual place. */
  dir: z.string().min(1).exactOptional(),
  /** How many images of the split to take, each class with an equal share; all of them if not given. */
  trainImages: z.int().min(1).exactOptional(),
  testImages: z.int().min(1).exactOptional(),
});

const networkSchema = z.strictObject({
  name: z.literal('resnet'),
  depth: z.int().refine((depth) => depth >= 8 && depth % 6 === 2, 'must be 6m+2: 8, 14, 20, 26, 32, … 110'),
});

const labelSchema = z
  .string()
  .max(60)
  .regex(/^[^\p{Cc}]+$/u, 'must be text on one line')
  .exactOptional();
const [firstMethod, ...otherMethods] = strategyOptionsSchema.options.map((option) =>
  option.safeExtend({ label: labelSchema }),
);
/** A method's options and the name that tables show, which is the method's own if not given. */
const methodSchema = z.discriminatedUnion('method', [
  firstMethod!,
  ...otherMethods,
]) as z.ZodType<MethodConfig>;

const methodsSchema = z
  .array(methodSchema)
  .min(1)
  .superRefine((methods, context) => {
    methods.forEach((method, i) => {
      const twin = methods.findIndex((other) => labelOf(other) === labelOf(method));
      if (twin === i) return;
      const message = `both methods.${twin} and methods.${i} are called "${labelOf(method)}"; give one a label`;
      context.addIssue({ code: 'custom', path: [i], message });
    });
  });

/** Everything that decides an experiment's numbers. */
export const configSchema = z
  .strictObject({
    /** Part of the run folders' names. */
    name: z
      .string()
      .max(80)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" and "-"'),
    seed: z.int().min(0).default(1),
    engine: z.enum(['auto', ...engineNames]).default('auto'),
    data: dataSchema,
    network: networkSchema,
    train: trainOptionsSchema,
    method: methodSchema.exactOptional(),
    methods: methodsSchema.exactOptional(),
  })
  .superRefine((config, context) => {
    if ((config.method === undefined) === (config.methods === undefined)) {
      const message = 'must have either "method" (one) or "methods" (a list to compare)';
      context.addIssue({ code: 'custom', message });
    }
  });

export type Config = z.infer<typeof configSchema>;
export type MethodConfig = StrategyOptions & { readonly label?: string };

/** The name that tables and run folders show for a method. */
export function labelOf(method: MethodConfig): string {
  return method.label ?? method.method;
}

/** The methods that a config compares: its own, with BP in front where it is missing. */
export function comparedMethods(config: Config): MethodConfig[] {
  const methods = config.methods ?? (config.method ? [config.method] : []);
  return methods.some(({ method }) => method === 'bp') ? methods : [{ method: 'bp' }, ...methods];
}

/**
 * Reads, overrides and validates a config file.
 *
 * @param path a YAML file
 * @param overrides `a.b=value` each, applied in order before validation
 * @returns the config with every default filled in
 * @throws UserError if the file can't be read, is not YAML, or breaks the schema: then with a line for each problem
 */
export function loadConfig(path: string, overrides: readonly string[] = []): Config {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(visible(`${path}: cannot read the config: ${messageOf(error)}`));
  }
  return parseConfig(text, path, overrides);
}

/** As `loadConfig`, from text; `file` is its name in messages. */
export function parseConfig(text: string, file: string, overrides: readonly string[] = []): Config {
  const source = parseYaml(text, file);
  const changes = overrides.map(parseOverride);
  const document = changes.reduce(applyOverride, source.value);
  if (document === null || document === undefined) throw new UserError(`${file}: the config is empty`);
  const result = check(configSchema, document);
  if ('value' in result) return result.value;
  const lines = result.problems.map(({ path, message }: Problem) => {
    const change = changes.findLast((each) => each.path.every((part, i) => part === String(path[i])));
    const origin = change ? `${file}: --set ${change.text}` : `${file}:${source.locate(path)}`;
    return visible(path.length > 0 ? `${origin}: ${formatPath(path)}: ${message}` : `${origin}: ${message}`);
  });
  throw new UserError(lines.join('\n'));
}
