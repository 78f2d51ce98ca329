import { UserError } from '../../core/errors.js';
import { type Registry } from '../../config/registry.js';
import { strategyOptionsSchema } from '../../local/build.js';
import { labelOf, type Config, type MethodConfig } from '../../config/config.js';
import { check, formatPath, nearest } from '../../core/schema-problems.js';

/**
 * The methods to measure beside BP: all of a config, or the one of this name, which is the label or the method of one
 * of them, or else any other method with its defaults.
 *
 * Throws a UserError where there is no such method, or it has no defaults for what it needs to know.
 */
export function memoryMethods(config: Config, registry: Registry, name?: string): MethodConfig[] {
  const own = config.methods ?? [config.method!];
  if (name === undefined) return own.filter(({ method }) => method !== 'bp');
  const named = own.find((method) => labelOf(method) === name) ?? own.find(({ method }) => method === name);
  if (named !== undefined) return named.method === 'bp' ? [] : [named];
  const known = registry.methods.map((method) => method.name);
  if (!known.includes(name)) {
    const labels = own.map(labelOf);
    const names = [...new Set([...labels, ...known])];
    throw new UserError(
      `--method: there is no "${name}"${nearest(name, names)}; there are ${names.join(', ')}`,
    );
  }
  if (name === 'bp') return [];
  const result = check(strategyOptionsSchema(registry.methods), { method: name });
  if ('value' in result) return [result.value as MethodConfig];
  const { path, message } = result.problems[0]!;
  throw new UserError(
    `--method ${name}: ${formatPath(path)}: ${message}; give the config a method ${name} with that`,
  );
}
