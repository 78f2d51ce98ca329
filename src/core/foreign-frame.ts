import { fileURLToPath } from 'node:url';
import { framesWithin, type Frame } from './stack.js';

const program = fileURLToPath(new URL('..', import.meta.url));

/** Files of plugins that have run. */
const plugins = new Set<string>();

/** Takes note of a plugin's file: it may lie in a package, where other code is not anybody's here. */
export function notePlugin(file: string): void {
  plugins.add(file);
}

/** The files of the plugins that have run. */
export function notedPlugins(): readonly string[] {
  return [...plugins];
}

/** The first of a stack's places that is the user's: neither in this program nor in a package that no plugin is from. */
export function foreignFrame(frames: readonly Frame[]): Frame | undefined {
  return frames.find(({ file }) => {
    if (file.startsWith(program)) return false;
    const own = packageOf(file);
    return own === undefined || notedPlugins().some((plugin) => packageOf(plugin) === own);
  });
}

/**
 * The part that somebody's code has in an error: the place in it, and whether it threw the error itself or called what
 * did.
 *
 * @param file the path of the module that has called that code
 */
export function theirPart(
  error: Error,
  file: string,
): { readonly frame: Frame | undefined; readonly threw: boolean } {
  const frames = framesWithin(error, file);
  const frame = foreignFrame(frames);
  return { frame, threw: frame !== undefined && frame === frames[0] };
}

/** The folder of the package that a file lies in, where it lies in one that was installed. */
function packageOf(file: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(file)?.[0];
}
