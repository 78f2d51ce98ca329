import { formatPath } from '../schema-problems.js';
import { visible } from '../visible.js';

/** Every value of a config that is neither a map nor a list, as JSON, by its path; empty maps and lists among them. */
export function leaves(config: object): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (node: unknown, path: readonly string[]): void => {
    const entries = typeof node === 'object' && node !== null ? Object.entries(node) : [];
    if (entries.length > 0) entries.forEach(([key, child]) => walk(child, [...path, key]));
    else if (node !== undefined) found.set(formatPath(path), JSON.stringify(node));
  };
  walk(config, []);
  return found;
}

/** Text that is the same for configs with the same values, in whatever order; the paths left out do not count. */
export function configKey(config: object, leftOut: RegExp): string {
  return JSON.stringify([...leaves(config)].filter(([path]) => !leftOut.test(path)).sort());
}

/** What one of several configs has otherwise than another of them: `train.learningRate 0.1`. */
export function ownValues(config: object, all: readonly object[], leftOut: RegExp): string[] {
  const others = all.map(leaves);
  const own = leaves(config);
  return [...new Set(others.flatMap((other) => [...other.keys()]))]
    .filter((path) => !leftOut.test(path) && others.some((other) => other.get(path) !== own.get(path)))
    .map((path) => visible(`${path} ${own.get(path) ?? 'not set'}`));
}
