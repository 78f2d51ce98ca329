import { SingleBar } from 'cli-progress';
import { isInteractive } from './color.js';

/** Where progress is drawn: standard error, or what a test puts in its place. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** A bar on an interactive terminal, lines now and then elsewhere, nothing if quiet. */
export function displayOf(
  stream: ProgressStream,
  quiet: boolean,
  env: NodeJS.ProcessEnv,
): 'bar' | 'lines' | 'nothing' {
  if (quiet) return 'nothing';
  return isInteractive(stream, env) ? 'bar' : 'lines';
}

/** A line that is drawn anew as what it shows changes, and is gone in the end. */
export interface Bar<Shown> {
  setTotal(total: number): void;
  update(done: number, shown: Shown): void;
  stop(): void;
}

/** Starts a bar. `line` says what it shows in fewer characters than the terminal is wide. */
export function startBar<Shown>(
  stream: ProgressStream,
  line: (shown: Shown, width: number) => string,
  { total, done, shown: first }: { readonly total: number; readonly done: number; readonly shown: Shown },
): Bar<Shown> {
  const bar = new SingleBar({
    stream,
    clearOnComplete: true,
    // The line is cut to the terminal's width here; switching the terminal's own wrapping off would have to be undone
    // whatever ends the process.
    linewrap: true,
    format: (_, { maxWidth }, { shown }) => line(shown as Shown, maxWidth),
  });
  bar.start(total, done, { shown: first });
  return {
    setTotal: (changed) => bar.setTotal(changed),
    update: (now, shown) => bar.update(now, { shown }),
    stop: () => bar.stop(),
  };
}

const cells = 20;

/** `[=====---------------]` */
export function cellsOf(done: number, total: number): string {
  const full = total > 0 ? Math.floor((Math.min(done, total) / total) * cells) : 0;
  return `[${'='.repeat(full)}${'-'.repeat(cells - full)}]`;
}

/** Those parts of a line that say something, short enough for a terminal of that width. */
export function lineOf(parts: readonly string[], width: number): string {
  return parts
    .filter((part) => part !== '')
    .join('  ')
    .slice(0, Math.max(0, width - 1));
}
