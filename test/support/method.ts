import { methodSchema, type MethodConfig } from '../../src/config/method-config.js';
import { builtInRegistry } from '../../src/config/registry.js';

const schema = methodSchema(builtInRegistry.methods);

/** A built-in method as a config asks for it, defaults filled in. */
export const methodOf = (document: {
  readonly method: string;
  readonly [option: string]: unknown;
}): MethodConfig => schema.parse(document);
