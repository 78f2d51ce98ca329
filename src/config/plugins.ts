import { readFileSync, realpathSync } from 'node:fs';
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { foreignFrame, notePlugin } from '../core/foreign-frame.js';
import { checkGiven } from '../core/given.js';
import { expandHome } from '../core/home.js';
import { pluginSchema } from './plugin.js';
import type { PluginSource } from './registry.js';
import type { SharedModules } from './plugin-hooks.js';
import { check, formatPath } from '../core/schema-problems.js';
import { sha256Of } from '../core/sha256.js';
import { framesWithin } from '../core/stack.js';
import { visible } from '../core/visible.js';
import { refuseOtherContent } from './recorded-file.js';

/** A plugin that somebody asks for. */
export interface PluginRequest {
  /** A file's path. Names of packages and URLs are not taken. */
  readonly path: string;
  /** The folder that a relative path starts from. */
  readonly folder: string;
  /** Who asks, for messages: `config.yaml: plugins.0`. */
  readonly origin: string;
  /** Of the file, where it must be the one that was recorded. */
  readonly sha256?: string;
}

/** A plugin that has run, and the file that it is from. */
export interface LoadedPlugin extends PluginSource {
  /** Of the file's bytes, in hexadecimal. What the file imports is not part of it. */
  readonly sha256: string;
}

const forms = {
  requests: z.array(
    z.object({ path: z.string(), folder: z.string(), origin: z.string(), sha256: z.string().optional() }),
  ),
};

/**
 * Runs plugins. A plugin is code with all the rights of whoever runs the program. It may be TypeScript (with types that
 * can be stripped: no enums, no namespaces) or JavaScript, and its imports of `locallearn` and `@tensorflow/tfjs` are
 * the running program's.
 *
 * @returns what they define; a file that is asked for twice is loaded once
 * @throws UserError where a file can't be read, is not the one recorded, throws, or defines no plugin
 */
export async function loadPlugins(requests: readonly PluginRequest[]): Promise<LoadedPlugin[]> {
  checkGiven('loadPlugins', forms, { requests });
  const loaded = new Map<string, LoadedPlugin>();
  for (const request of requests) {
    const { file, sha256 } = examine(request);
    if (!loaded.has(file)) loaded.set(file, { file, sha256, plugin: await run(file) });
  }
  return [...loaded.values()];
}

function examine({ path, folder, origin, sha256: recorded }: PluginRequest): Omit<LoadedPlugin, 'plugin'> {
  const file = resolve(folder, expandHome(path));
  if (!/\.m?[jt]s$/.test(file)) {
    throw new UserError(
      visible(`${origin}: ${path}: a plugin is a file that ends in .ts, .mts, .js or .mjs`),
    );
  }
  let sha256: string;
  try {
    sha256 = sha256Of(readFileSync(file));
  } catch (error) {
    throw new UserError(visible(`${origin}: cannot read the plugin: ${messageOf(error)}`));
  }
  refuseOtherContent(sha256, {
    ...{ place: origin, path: file, what: 'file', recorded },
    remedy: 'bring that file back, or take sha256 out to use this one',
  });
  return { file: realpathSync(file), sha256 };
}

async function run(file: string): Promise<LoadedPlugin['plugin']> {
  registerHooks();
  notePlugin(file);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(file).href)) as typeof module;
  } catch (error) {
    const reason = messageOf(error).split('\n')[0]!;
    const [place, inWhat] = placesOf(file, error);
    throw new UserError(visible(`${place}: the plugin cannot be loaded: ${reason}${inWhat}`), {
      cause: error,
    });
  }
  if (module['plugin'] === undefined) {
    const names = Object.keys(module).join(', ') || 'nothing';
    throw new UserError(
      visible(
        `${file}: a plugin must have "export const plugin = definePlugin({ … })", this file exports ${names}`,
      ),
    );
  }
  const result = check(pluginSchema, module['plugin']);
  // Not the copy that the schema makes: where each thing was defined is known of itself.
  if ('value' in result) return module['plugin'] as LoadedPlugin['plugin'];
  const { path, message } = result.problems[0]!;
  throw new UserError(visible(`${file}: ${formatPath(['plugin', ...path])}: ${message}`));
}

/** A plugin's file, with the line and column where loading it failed, or behind the message those of a file that it imports. */
function placesOf(file: string, error: unknown): [place: string, inWhat: string] {
  // What is further out has called this program.
  const frame = foreignFrame(framesWithin(error, import.meta.filename));
  if (frame === undefined) return [file, ''];
  const position = `${frame.file}:${frame.line}:${frame.column}`;
  return frame.file === file ? [position, ''] : [file, ` (${position})`];
}

let registered = false;

/** Once a process: hooks cannot be taken back. */
function registerHooks(): void {
  if (registered) return;
  const data: SharedModules = {
    locallearn: new URL('../index.js', import.meta.url).href,
    '@tensorflow/tfjs': import.meta.resolve('@tensorflow/tfjs'),
  };
  register('./plugin-hooks.js', import.meta.url, { data });
  registered = true;
}
