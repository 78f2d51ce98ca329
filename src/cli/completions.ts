import type { Arguments } from 'yargs';

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
  yargsOwn((error, candidates) => {
    if (error) throw error;
    done((candidates ?? []).filter((candidate) => current.startsWith('-') || !candidate.startsWith('-')));
  });
}
