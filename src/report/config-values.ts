import { leaves } from '../config/differences.js';
import { visible } from '../core/visible.js';

/** Text that is the same for configs with the same values, in whatever order; the paths left out do not count. */
export function configKey(config: object, leftOut: RegExp): string {
  return JSON.stringify([...leaves(config)].filter(([path]) => !leftOut.test(path)).sort());
}

/**
 * What one of several configs has otherwise than another of them: `learningRate 0.1`, by the key's whole path where
 * two keys end alike.
 */
export function ownValues(config: object, all: readonly object[], leftOut: RegExp): string[] {
  const others = all.map(leaves);
  const own = leaves(config);
  const paths = [...new Set(others.flatMap((other) => [...other.keys()]))].filter(
    (path) => !leftOut.test(path) && others.some((other) => other.get(path) !== own.get(path)),
  );
  const last = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
  return paths.map((path) => {
    const isAlone = paths.filter((other) => last(other) === last(path)).length === 1;
    return visible(`${isAlone ? last(path) : path} ${own.get(path) ?? 'not set'}`);
  });
}
