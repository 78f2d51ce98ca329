import { formatPath } from '../core/schema-problems.js';
import { visible } from '../core/visible.js';

/** Keys that change no number. */
export const idleKeys: readonly RegExp[] = [
  /^train\.(workers|keep|logEvery|captureSteps)$/,
  /^data\.(dir|file)$/,
  /^plugins\.\d+\.path$/,
  /^network\.weights\.file$/,
  /^train\.init\.from$/,
];

/** What a resumed run may have otherwise than it had. */
const free = [...idleKeys, /^parallel\.(blocks|queue|cuts)/];

/**
 * Keys of which two configs have different values, one line each: `train.epochs: 2 there, 3 here`. What went without
 * skipping bad images met none, so it may go on with skipping them, but not the other way round.
 */
export function configDifferences(there: object, here: object): string[] {
  const [a, b] = [leaves(there), leaves(here)];
  const isFree = (key: string): boolean =>
    free.some((pattern) => pattern.test(key)) ||
    (key === 'data.onBadImage' && a.get(key) !== '"skip"' && b.get(key) === '"skip"');
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => a.get(key) !== b.get(key) && !isFree(key))
    .map((key) => visible(`${key}: ${a.get(key) ?? 'not set'} there, ${b.get(key) ?? 'not set'} here`));
}

/** Every value that is neither a map nor a list, as JSON, by its path; empty ones among them. */
export function leaves(value: object): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (node: unknown, path: readonly string[]): void => {
    const entries = typeof node === 'object' && node !== null ? Object.entries(node) : [];
    if (entries.length > 0) entries.forEach(([key, child]) => walk(child, [...path, key]));
    else if (node !== undefined) found.set(formatPath(path), JSON.stringify(node));
  };
  walk(value, []);
  return found;
}
