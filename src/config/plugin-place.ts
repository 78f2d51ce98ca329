import { existsSync, readFileSync } from 'node:fs';

/**
 * Tells where in a plugin's file a method or another thing of its own is defined: `own.ts:12`, the first line with
 * `name: 'its name'`; the file alone where none has it.
 *
 * @param file a path, or what else messages call a plugin
 */
export function placesIn(file: string): (name: string) => string {
  let lines: readonly string[] | undefined;
  return (name) => {
    lines ??= existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    const named = ["'", '"', '`'].map((quote) => `name: ${quote}${name}${quote}`);
    const at = lines.findIndex((line) => named.some((text) => line.includes(text)));
    return at < 0 ? file : `${file}:${at + 1}`;
  };
}
