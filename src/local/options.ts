import type { z } from 'zod';
import type { Fields } from '../core/choice.js';
import type { Method } from './method.js';
import type { methodsWith } from './methods/built-in.js';

type BuiltIn = ReturnType<typeof methodsWith>[number];
/** These distribute over the union of methods. */
type OutputOf<M> =
  M extends Method<infer Name, infer Schema> ? { method: Name } & Fields<z.output<Schema>> : never;
type InputOf<M> =
  M extends Method<infer Name, infer Schema> ? { method: Name } & Fields<z.input<Schema>> : never;

/** Validated options of the built-in methods, defaults filled in. */
export type StrategyOptions = OutputOf<BuiltIn>;
/** The same as a person writes them. */
export type StrategyOptionsInput = InputOf<BuiltIn>;
/** A built-in method by name. */
export type MethodName = StrategyOptions['method'];
export type OptionsOf<Name extends MethodName> = Extract<StrategyOptions, { method: Name }>;

/** Options of any method, one of a plugin too, which only its own schema knows. */
export interface NamedOptions {
  readonly method: string;
  readonly [option: string]: unknown;
}
