import { shown } from '../../core/shown.js';

/**
 * A name as it is compared. An "é" may be one code point, or two: an "e" and an accent, as some systems write the names
 * of files. Both print alike, and are one name (Unicode NFC).
 */
export function composed(name: string): string {
  return name.normalize('NFC');
}

/** A line that says which names are there in several spellings and have been taken for one; none if there are none. */
export function spellingNotes(what: string, names: Iterable<string>): string[] {
  const spellings = new Map<string, number>();
  for (const name of new Set(names)) {
    spellings.set(composed(name), (spellings.get(composed(name)) ?? 0) + 1);
  }
  const several = [...spellings].filter(([, count]) => count > 1).map(([name]) => shown(name));
  if (several.length === 0) return [];
  return [`${what} ${several.join(', ')}: accents composed and decomposed, taken for one name (Unicode NFC)`];
}
