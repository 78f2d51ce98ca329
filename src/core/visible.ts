/**
 * The text on one line: control characters, line separators, halves of surrogate pairs and what is no character, which a
 * user's file may hold, are spelled out.
 */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\uFFFE\uFFFF]/gu, (character) => {
    const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return short[character] ?? `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`;
  });
}
