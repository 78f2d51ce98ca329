import { z } from 'zod';
import type { AuxiliaryNet } from './axes/auxiliary/auxiliary.js';
import type { BridgeBuilder } from './axes/bridge/bridge.js';
import type { Fusion } from './axes/fusion/fusion.js';
import type { LocalLoss } from './axes/loss/local-loss.js';
import type { PathBuilder } from './axes/path/path.js';

/** What a choice or a method can be told: a zod object of its options. Unknown ones are refused. */
export type OptionsSchema = z.ZodObject;

/** One choice on an axis of local learning: a name, its options, and what builds the part. */
export interface Choice<Part, Schema extends OptionsSchema = OptionsSchema> {
  /** What a config writes: `sampled`, or `{ name: sampled, depth: 3 }`. */
  readonly name: string;
  readonly options: Schema;
  /** Throws a UserError where options contradict each other. */
  build(options: z.output<Schema>): Part;
}

/** What there is to choose from on each axis. */
export interface Choices {
  readonly paths: readonly Choice<PathBuilder>[];
  /** Undefined stands for no bridge. */
  readonly bridges: readonly Choice<BridgeBuilder | undefined>[];
  readonly auxiliaries: readonly Choice<AuxiliaryNet>[];
  readonly losses: readonly Choice<LocalLoss>[];
  readonly fusions: readonly Choice<Fusion>[];
}

type Define<Part> = <Schema extends OptionsSchema>(choice: Choice<Part, Schema>) => Choice<Part, Schema>;

const define =
  <Part>(): Define<Part> =>
  (choice) =>
    choice;

/** How features travel. Returns its argument: for the types alone, as those below. */
export const definePath = define<PathBuilder>();
/** What stands between a block and its auxiliary nets. */
export const defineBridge = define<BridgeBuilder | undefined>();
/** A net that classifies a block's features. */
export const defineAuxiliary = define<AuxiliaryNet>();
/** A term of what a block minimises. */
export const defineLoss = define<LocalLoss>();
/** How the auxiliary nets read the feature map. */
export const defineFusion = define<Fusion>();

/** A choice with its options, defaults filled in. */
export interface Chosen {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * A choice as a person writes it, `sampled` or `{ name: sampled, depth: 3 }`. Options of another choice are refused.
 * Each choice also takes the options of `shared`.
 */
export function choiceSchema(
  choices: readonly Choice<unknown>[],
  shared: z.core.$ZodShape = {},
): z.ZodType<Chosen, string | Chosen> {
  const [first, ...others] = choices.map(({ name, options }) =>
    labelled(options.safeExtend(shared), 'name', name),
  );
  const byName = z.discriminatedUnion('name', [first!, ...others]);
  const named = (value: unknown, context: z.RefinementCtx): unknown => {
    if (typeof value === 'string') return { name: value };
    if (typeof value === 'object' && !Array.isArray(value)) return value;
    context.addIssue(`must be a name, such as ${choices[0]!.name}, or a map of a name and its options`);
    return z.NEVER;
  };
  return z.preprocess(named, byName) as unknown as z.ZodType<Chosen, string | Chosen>;
}

/** Builds what a validated choice names. */
export function buildChosen<Part>(choices: readonly Choice<Part>[], { name, ...options }: Chosen): Part {
  return choices.find((choice) => choice.name === name)!.build(options);
}

/** The schema made strict, with `key` in front of its options, which must be `label`. */
export function labelled(schema: OptionsSchema, key: string, label: string): OptionsSchema {
  const strict = schema.strict();
  return strict.clone({ ...strict.def, shape: { [key]: z.literal(label), ...strict.shape } });
}
