import { officialNames } from '../data/options.js';
import type { Arguments } from 'yargs';
import { keysOf, optionsOf, pathOf } from './commands.js';

type Complete = (error: Error | null, candidates: string[] | undefined) => void;

/**
 * What the shell offers: yargs' own candidates, but options only once a dash is typed. With no candidate the shell
 * completes file names, which is what most arguments are.
 */
export function completions(
  current: string,
  _: Arguments,
  yargsOwn: (done: Complete) => void,
  done: (candidates: string[]) => void,
): void {
  const words = process.argv.slice(2);
  yargsOwn((error, candidates) => {
    if (error) throw error;
    const own = (candidates ?? []).filter(
      (candidate) => current.startsWith('-') || !candidate.startsWith('-'),
    );
    void namesFor(words).then((names) => done([...own, ...names.filter((name) => name.startsWith(current))]));
  });
}

/** What stands for the last of the words: keys behind `--set`, methods, data sets. */
async function namesFor(words: readonly string[]): Promise<readonly string[]> {
  const before = words.at(-2) ?? '';
  if (before === '--set') return (await keysOf(words)).map((key) => `${key}=`);
  if (/^--methods?$/.test(before))
    return before.slice(2) in optionsOf(words) ? methodsAfter(words.at(-1)!) : [];
  return /^data (fetch|verify|info|preview)$/.test(pathOf(words)) && before === pathOf(words).slice(5)
    ? officialNames
    : [];
}

/** The built-in methods, behind those that a list names already. */
async function methodsAfter(word: string): Promise<readonly string[]> {
  const { builtInMethods } = await import('../local/methods/built-in.js');
  const named = word.slice(0, word.lastIndexOf(',') + 1);
  return builtInMethods.map(({ name }) => named + name);
}
