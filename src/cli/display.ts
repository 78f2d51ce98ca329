import { isInteractive } from './color.js';

/** Where progress is drawn: standard error, or what a test puts in its place. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

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
  update(shown: Shown): void;
  stop(): void;
}

const millisecondsBetween = 100;
const cleared = '\r\u001b[K';

/**
 * Starts a bar. `line` says what it shows in fewer characters than the terminal is wide. Whatever else is written to the
 * stream meanwhile stays, above it.
 */
export function startBar<Shown>(
  stream: ProgressStream,
  line: (shown: Shown, width: number) => string,
  first: Shown,
): Bar<Shown> {
  let shown = first;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  const own = Object.getOwnPropertyDescriptor(stream, 'write');
  const write = stream.write.bind(stream);
  const draw = (): void => {
    clearTimeout(timer);
    timer = undefined;
    drawn = performance.now();
    write(`${cleared}${line(shown, stream.columns ?? 80)}`);
  };
  const above = (...message: Parameters<typeof write>): boolean => {
    write(cleared);
    const flows = write(...message);
    if (!String(message[0]).endsWith('\n')) write('\n');
    draw();
    return flows;
  };
  Object.defineProperty(stream, 'write', { value: above, configurable: true, writable: true });
  draw();
  return {
    update(now) {
      shown = now;
      const wait = drawn + millisecondsBetween - performance.now();
      if (wait <= 0) draw();
      else timer ??= setTimeout(draw, wait).unref();
    },
    stop() {
      clearTimeout(timer);
      if (own === undefined) Reflect.deleteProperty(stream, 'write');
      else Object.defineProperty(stream, 'write', own);
      write(cleared);
    },
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
