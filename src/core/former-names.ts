import { entryOf, ownEntry } from './own-entry.js';

/** Old names and the new ones: names that things had in the release before, which still work in this one. */
export type FormerNames = Readonly<Record<string, string>>;

type Tell = (line: string) => unknown;

let tell: Tell = (line) => process.emitWarning(line, 'DeprecationWarning');

const told = new Set<string>();

/**
 * Has lines on former names, each again once, go elsewhere than to Node's warnings: a command writes them as its notes.
 * Returns where they went.
 */
export function onFormerName(listener: Tell): Tell {
  const before = tell;
  tell = listener;
  told.clear();
  return before;
}

/** Says once a process that a name is another now. */
export function tellFormerName(where: string, old: string, now: string): void {
  const line = `${where}: ${old} is called ${now} now; the old name still works in this release`;
  if (told.has(line)) return;
  told.add(line);
  tell(line);
}

/** Of each map that `withNewNames` was given, the key that counts for each new name. */
const written = new WeakMap<object, ReadonlyMap<PropertyKey, string>>();

/** A path in new names as the value has it, in whose maps `withNewNames` has found old ones. */
export function writtenPath(value: unknown, path: readonly PropertyKey[]): PropertyKey[] {
  let node = value;
  return path.map((part) => {
    const key = written.get(node as object)?.get(part) ?? part;
    node = entryOf(node, String(key));
    return key;
  });
}

/**
 * A map with new names in the place of old ones, and a line on each. Of an old and a new one beside each other the
 * later counts, as where one file has more to say than the file that it extends.
 *
 * @param where the map is, for the line: `network resnet`
 */
export function withNewNames(given: object, names: FormerNames, where: string): Record<string, unknown> {
  const keys = new Map<string, string>();
  const entries = Object.entries(given).map(([key, value]: [string, unknown]) => {
    const now = ownEntry(names, key);
    keys.set(now ?? key, key);
    if (now === undefined) return [key, value];
    tellFormerName(where, key, now);
    return [now, value];
  });
  written.set(given, keys);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** A function under the name that it had, which says so. */
export function formerly<Parameters extends unknown[], Result>(
  old: string,
  now: string,
  call: (...parameters: Parameters) => Result,
): (...parameters: Parameters) => Result {
  return (...parameters) => {
    tellFormerName('locallearn', old, now);
    return call(...parameters);
  };
}
