import { UserError } from '../../core/errors.js';
import { type Registry } from '../../config/registry.js';
import { comparedMethods, type Config } from '../../config/config.js';
import { isBaseline, labelOf, type MethodConfig } from '../../config/method-config.js';
import { check, formatPath, nearest } from '../../core/schema-problems.js';

/**
 * The methods to measure beside BP: all of a config, or the one of this name, which is the label or the method of one
 * of them, or else any other method with its defaults.
 *
 * Throws a UserError where there is no such method, or it has no defaults for what it needs to know.
 */
export function memoryMethods(config: Config, registry: Registry, name?: string): MethodConfig[] {
  const own = config.methods ?? [config.method!];
  if (name === undefined) return comparedMethods(config).filter((method) => !isBaseline(method));
  const named =
    own.find((method) => labelOf(method) === name) ?? own.find(({ method }) => method.name === name);
  if (named !== undefined) return isBaseline(named) ? [] : [named];
  const method = registry.methods.find((each) => each.name === name);
  if (method === undefined) {
    const names = [...new Set([...own.map(labelOf), ...registry.methods.map((each) => each.name)])];
    throw new UserError(
      `--method: there is no "${name}"${nearest(name, names)}; there are ${names.join(', ')}`,
    );
  }
  if (name === 'bp') return [];
  const result = check(method.options.strict(), {});
  if ('value' in result) return [{ method, options: result.value }];
  const { path, message } = result.problems[0]!;
  throw new UserError(
    `--method ${name}: ${formatPath(path)}: ${message}; give the config a method ${name} with that`,
  );
}
