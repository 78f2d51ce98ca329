import { fileURLToPath } from 'node:url';

/** A place in a file that a stack goes through. */
export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The stack of an error and of what it comes of; nothing for what is no error. */
export function stackOf(error: unknown): string {
  const all = error instanceof Error ? [error, error.cause] : [];
  return all.map((each) => (each instanceof Error ? `${each.stack ?? each.message}\n` : '')).join('');
}

/**
 * The places of an error's stack that are further in than a file: what that has called.
 *
 * @param file the path of the module that asks
 */
export function framesWithin(error: unknown, file: string): Frame[] {
  const frames = framesOf(stackOf(error));
  const own = frames.findIndex((frame) => frame.file === file);
  return own < 0 ? frames : frames.slice(0, own);
}

/** The places of a stack, the innermost call first; calls that are in no file, as those of Node itself, are left out. */
export function framesOf(stack: string): Frame[] {
  return stack.split('\n').flatMap((call) => {
    const found = /^ *at (?:async )?(?:.*? \()?((?:file:\/\/|\/).*?):(\d+):(\d+)\)?$/.exec(call);
    if (found === null) return [];
    const [, place = '', line, column] = found;
    const file = place.startsWith('file:') ? fileURLToPath(place) : place;
    return [{ file, line: Number(line), column: Number(column) }];
  });
}
