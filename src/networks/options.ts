import type { z } from 'zod';
import { namedOptionsSchema, type ChosenInputOf, type ChosenOf } from '../core/choice.js';
import { builtInNetworks } from './built-in.js';

/** Validated options of the built-in networks, defaults filled in. */
export type NetworkOptions = ChosenOf<(typeof builtInNetworks)[number]>;
/** The same as a person writes them. */
export type NetworkOptionsInput = ChosenInputOf<(typeof builtInNetworks)[number]>;

/** What a config without plugins may write as `network`. */
export const networkOptionsSchema = namedOptionsSchema(builtInNetworks) as unknown as z.ZodType<
  NetworkOptions,
  NetworkOptionsInput
>;
