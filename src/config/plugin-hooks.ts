import { readFile } from 'node:fs/promises';
import { createRequire, type InitializeHook, type LoadHook, type ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Module hooks for plugins; `plugins.ts` registers them, and Node runs them in a thread of their own. They strip the
 * types of TypeScript files, in the same way whatever the version of Node, and give a plugin the running program and
 * its TensorFlow.js, wherever the plugin lies and whatever is installed beside it: a tensor of another copy would not
 * be known to the engine.
 */

/** What the running program is imported as, and the module that it is. */
export type SharedModules = Readonly<Record<string, string>>;

let shared: SharedModules = {};

export const initialize: InitializeHook<SharedModules> = (modules) => {
  shared = modules;
};

export const resolve: ResolveHook = (specifier, context, nextResolve) =>
  nextResolve(Object.hasOwn(shared, specifier) ? shared[specifier]! : specifier, context);

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!/^file:.*\.m?ts$/.test(url)) return nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  return { format: 'module', source: withoutTypes(source, url), shortCircuit: true };
};

/** Node's own type stripper. It has no types of its own. */
interface Amaro {
  readonly transformSync: (
    source: string,
    options: { mode: 'strip-only'; filename: string },
  ) => { code: string };
}

function withoutTypes(source: string, url: string): string {
  const { transformSync } = createRequire(import.meta.url)('amaro') as Amaro;
  try {
    return transformSync(source, { mode: 'strip-only', filename: url }).code;
  } catch (error) {
    throw new SyntaxError(oneLine(String(error), url));
  }
}

/** Of the stripper's picture of the mistake, what it is and the line. */
function oneLine(picture: string, url: string): string {
  const message = /^ *[x×] (.*)$/m.exec(picture)?.[1] ?? picture.trim().split('\n')[0] ?? '';
  const line = /^ *(\d+) [|│].*\n *[:·] *[\^─]/m.exec(picture)?.[1];
  return line === undefined ? message : `${message} (${fileURLToPath(url)}:${line})`;
}
