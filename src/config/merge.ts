import type { YamlSource } from './yaml-source.js';

/** A YAML file that has been read. */
export interface ConfigFile {
  /** As messages name it. */
  readonly path: string;
  readonly source: YamlSource;
}

/** A value of a config that is made of several files, and the file that has the last word on it. */
export interface ConfigNode {
  readonly file: ConfigFile;
  /** A map's entries; undefined for a list or a plain value, which a file has as a whole. */
  readonly entries?: ReadonlyMap<string, ConfigNode>;
  readonly value?: unknown;
}

/** A file's value as nodes. */
export function nodeOf(file: ConfigFile, value: unknown): ConfigNode {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { file, value };
  return {
    file,
    entries: new Map(Object.entries(value).map(([key, entry]) => [key, nodeOf(file, entry)])),
  };
}

/** The plain value. */
export function valueOf({ entries, value }: ConfigNode): unknown {
  if (entries === undefined) return value;
  return Object.fromEntries([...entries].map(([key, entry]) => [key, valueOf(entry)]));
}

/** The file that a path of the value comes from, or that has the nearest thing around it. */
export function fileOf(node: ConfigNode, path: readonly PropertyKey[]): ConfigFile {
  const [first, ...rest] = path;
  const entry = first === undefined ? undefined : node.entries?.get(String(first));
  return entry === undefined ? node.file : fileOf(entry, rest);
}

/** Two that cannot stand beside each other: the one that a file has takes the place of its base's other. */
const alternatives = [
  ['method', 'methods'],
  ['methods', 'method'],
] as const;

/** Of a config's keys the one that cannot stand beside this one. */
export const alternativeOf = (key: string): string | undefined =>
  alternatives.find(([one]) => one === key)?.[1];

/**
 * A file's value over its base's: maps are merged entry by entry, lists and plain values replace. A map that names
 * another method, network, data set or other choice than the base's replaces it whole, since options of one choice
 * mean nothing to another.
 */
export function mergeConfigs(base: ConfigNode, own: ConfigNode): ConfigNode {
  const kept = new Map(base.entries);
  for (const [one, other] of alternatives) if (own.entries?.has(one)) kept.delete(other);
  return { file: own.file, entries: mergeEntries(kept, own.entries ?? new Map()) };
}

function mergeEntries(
  base: ReadonlyMap<string, ConfigNode>,
  own: ReadonlyMap<string, ConfigNode>,
): ReadonlyMap<string, ConfigNode> {
  const merged = new Map(base);
  for (const [key, node] of own) {
    // What has the last word comes last: of an option's former and its new name that one counts.
    merged.delete(key);
    merged.set(key, merge(base.get(key), node));
  }
  return merged;
}

function merge(base: ConfigNode | undefined, own: ConfigNode): ConfigNode {
  if (base?.entries === undefined || own.entries === undefined || choosesAnother(base.entries, own.entries)) {
    return own;
  }
  return { file: own.file, entries: mergeEntries(base.entries, own.entries) };
}

/** What tells choices apart: a method, a kind of crop, everything else. */
const discriminators: readonly string[] = ['method', 'kind', 'name'];

/** Whether a key of a map names a choice, whose options are the map's others. */
export const isDiscriminator = (key: string): boolean => discriminators.includes(key);

function choosesAnother(
  base: ReadonlyMap<string, ConfigNode>,
  own: ReadonlyMap<string, ConfigNode>,
): boolean {
  return [...own].some(
    ([key, { value }]) => base.has(key) && isAnotherChoice(key, base.get(key)!.value, value),
  );
}

/** Whether a key's new value names another choice than its old one, which takes all options of that with it. */
export function isAnotherChoice(key: string, old: unknown, value: unknown): boolean {
  return isDiscriminator(key) && old !== undefined && old !== value;
}
