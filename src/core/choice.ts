import { z } from 'zod';
import { rememberPlace } from './defined-at.js';
import { withNewNames, type FormerNames } from './former-names.js';
import { entryOf } from './own-entry.js';

/** What a choice or a method can be told: a zod object of its options. Unknown ones are refused. */
export type OptionsSchema = z.ZodObject;

/** One of its kind, a network, an auxiliary net, …: a name, its options, and what builds it. */
export interface Choice<Part, Schema extends OptionsSchema = OptionsSchema, Name extends string = string> {
  /** What a config writes: `sampled`, or `{ name: sampled, depth: 3 }`. */
  readonly name: Name;
  readonly options: Schema;
  /** Options that had another name in the release before, by the old one: it still works, and a line says the new one. */
  readonly formerly?: FormerNames;
  /**
   * Builds it.
   *
   * @param options validated, defaults filled in
   * @throws UserError where options contradict each other
   */
  build(options: z.output<Schema>): Part;
}

/** For choices that have none. */
export const noOptions = z.strictObject({});

/** A kind's `define…`: it returns its argument, and is there for the types and for messages that name the place. */
export type Define<Part> = <const Name extends string, Schema extends OptionsSchema>(
  choice: Choice<Part, Schema, Name>,
) => Choice<Part, Schema, Name>;

/** Makes a kind's `define…`. */
export function defineChoice<Part>(): Define<Part> {
  return function define(choice) {
    rememberPlace(choice, define);
    return choice;
  };
}

/** A choice with its options, defaults filled in. */
export interface Chosen {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * Options as zod infers them, to stand beside a name. What it infers for none at all would refuse every key, the name
 * too.
 */
export type Fields<Options> = string extends keyof Options ? unknown : Options;
/** A choice's name and validated options; distributes over a union of choices. */
export type ChosenOf<C> =
  C extends Choice<unknown, infer Schema, infer Name> ? { name: Name } & Fields<z.output<Schema>> : never;
/** The same as a person writes them. */
export type ChosenInputOf<C> =
  C extends Choice<unknown, infer Schema, infer Name> ? { name: Name } & Fields<z.input<Schema>> : never;

/** The options of all choices, told apart by `name`; each also takes those of `shared`, after its own. */
export function namedOptionsSchema(
  choices: readonly Choice<unknown>[],
  shared: z.core.$ZodShape = {},
): z.ZodType<Chosen> {
  const [first, ...others] = choices.map(({ name, options }) =>
    labelled(options.safeExtend(shared), 'name', name),
  );
  return underNewNames(
    'name',
    choices,
    z.discriminatedUnion('name', [first!, ...others]),
  ) as z.ZodType<Chosen>;
}

/**
 * A choice as a person writes it, `sampled` or `{ name: sampled, depth: 3 }`. Options of another choice are refused.
 * Each choice also takes the options of `shared`.
 */
export function choiceSchema(
  choices: readonly Choice<unknown>[],
  shared: z.core.$ZodShape = {},
): z.ZodType<Chosen, string | Chosen> {
  const byName = namedOptionsSchema(choices, shared);
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

const renamings = new WeakSet<object>();

/** Whether a schema only gives options their new names, for the one that reads them then. */
export const isRenaming = (schema: object): boolean => renamings.has(schema);

/** The schema of maps that name one of the choices by `key`, for those, too, that have options under former names. */
export function underNewNames(
  key: string,
  choices: readonly Pick<Choice<unknown>, 'name' | 'formerly'>[],
  schema: z.ZodType,
): z.ZodType {
  if (choices.every(({ formerly }) => formerly === undefined)) return schema;
  const renaming = z.preprocess((given) => {
    const choice = choices.find(({ name }) => name === entryOf(given, key));
    if (choice?.formerly === undefined) return given;
    return withNewNames(given as object, choice.formerly, `${key === 'name' ? '' : `${key} `}${choice.name}`);
  }, schema);
  renamings.add(renaming.in);
  return renaming;
}
