import { styleText } from 'node:util';

/** A stream that may be a terminal. */
export type ColorStream = { readonly isTTY?: boolean; hasColors?(env?: object): boolean };

/**
 * Whether lines on a stream can be drawn anew: on a terminal, but not on a dumb one, nor in continuous integration,
 * whose logs keep every escape sequence.
 */
export function isInteractive(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const { TERM: terminal, CI: integration = '' } = env;
  return stream.isTTY === true && terminal !== 'dumb' && ['', '0', 'false'].includes(integration);
}

/**
 * Whether text on a stream may be coloured: on an interactive terminal that shows colours, and not where `NO_COLOR` is set
 * (https://no-color.org). `FORCE_COLOR` decides wherever it is set, as in Node.
 */
export function showsColor(stream: ColorStream, env: NodeJS.ProcessEnv = process.env): boolean {
  const { FORCE_COLOR: force, NO_COLOR: none } = env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (none !== undefined && none !== '') return false;
  return isInteractive(stream, env) && (stream.hasColors?.(env) ?? false);
}

/** The first word of each line that begins with `error:` or `note:` in colour, where the stream shows any. */
export function colored(text: string, stream: ColorStream, env: NodeJS.ProcessEnv = process.env): string {
  if (!showsColor(stream, env)) return text;
  return text
    .replaceAll(/^error:/gm, (word) => styleText(['red', 'bold'], word))
    .replaceAll(/^note:/gm, (word) => styleText('yellow', word));
}
