/** Where everything is tried that there is to try. */
export const tryAll = process.env['CI'] === 'true';

/** How many random cases a test tries: all in CI, a fifth elsewhere, where `CI=true` asks for all. */
export const fuzzRuns = (all: number): number => (tryAll ? all : Math.ceil(all / 5));

/** Where samples begin: `LOCALLEARN_SAMPLE=1` tries the next of each. */
export const sample = Number(process.env['LOCALLEARN_SAMPLE'] ?? 0);

/**
 * Of the cases of a long list those that are tried: all in CI, elsewhere every n-th.
 *
 * @param shift of lists that are gone through together, the place of this one: other cases are tried of each
 */
export const sampleOf = <Case>(cases: readonly Case[], n: number, shift = 0): readonly Case[] =>
  tryAll ? cases : cases.filter((_, i) => (i + shift + sample) % n === 0);
