/**
 * What a map has of its own by a name from outside: an object inherits more than is put into it, by names such as
 * `constructor` and `toString`.
 */
export function ownEntry<Value>(map: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

/** The same of what need not be a map. */
export function entryOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? ownEntry(value as Record<string, unknown>, name)
    : undefined;
}
