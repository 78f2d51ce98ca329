import { officialNames } from '../data/options.js';
import type { Arguments } from 'yargs';
import { keysOf, pathOf } from './commands.js';

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

/** What stands for the last of the words: keys behind `--set`, data sets. */
async function namesFor(words: readonly string[]): Promise<readonly string[]> {
  const before = words.at(-2) ?? '';
  if (before === '--set') return (await keysOf(words)).map((key) => `${key}=`);
  return /^data (fetch|verify|info|preview)$/.test(pathOf(words)) && before === pathOf(words).slice(5)
    ? officialNames
    : [];
}
