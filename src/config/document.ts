import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { expandHome } from '../core/home.js';
import { fileOf, mergeConfigs, nodeOf, valueOf, type ConfigFile, type ConfigNode } from './merge.js';
import { applyOverrides, overrideOf, parseOverride } from './overrides.js';
import { visible } from '../core/visible.js';
import { parseYaml } from './yaml-source.js';

/** A config read, put together with the files that it extends and overridden; and where each value comes from. */
export interface ConfigDocument {
  /** The value that a schema is to check: where it wants text, an override's is taken as text. */
  readonly valueFor: (schema: z.ZodType) => unknown;
  /** `config.yaml:3:5`, or the override that set it. */
  readonly locate: (path: readonly PropertyKey[]) => string;
  /** The folder that a relative path starts from: that of its file, of what was overridden the current one. */
  readonly folderOf: (path: readonly PropertyKey[]) => string;
}

/** As many files as one config may be made of. */
const mostFiles = 50;

/**
 * Reads a config's text, the files that it `extends` (one path or a list, relative to the file's folder; later ones
 * win over earlier ones, the file itself over all) and applies overrides.
 *
 * @param file the text's path, for `extends` and for messages
 * @param overrides `a.b=value` each
 * @throws UserError where a file can't be read, is not YAML, or extends itself
 */
export function readDocument(text: string, file: string, overrides: readonly string[]): ConfigDocument {
  const changes = overrides.map(parseOverride);
  const root = readNode(text, { path: file, chain: [], count: { files: 0 } });
  const value = valueOf(root);
  return {
    valueFor: (schema) => applyOverrides(value, changes, schema),
    locate(path) {
      const change = overrideOf(changes, path, value);
      if (change) return `${file}: --set ${change.text}`;
      const origin = fileOf(root, path);
      return `${origin.path}:${origin.source.locate(path)}`;
    },
    folderOf: (path) => (overrideOf(changes, path, value) ? '.' : dirname(fileOf(root, path).path)),
  };
}

/** A config file's text. Throws a UserError if it can't be read; `before` and `after` tell who asks for it. */
export function readText(path: string, before = '', after = ''): string {
  try {
    // From the absolute path, so that the message of what is missing tells where it was looked for.
    return readFileSync(resolve(path), 'utf8');
  } catch (error) {
    const isFolder = error instanceof Error && 'code' in error && error.code === 'EISDIR';
    const reason = isFolder ? 'it is a folder, name a YAML file in it' : messageOf(error);
    throw new UserError(visible(`${before}${path}: cannot read the config: ${reason}${after}`));
  }
}

interface Reading {
  readonly path: string;
  /** The files that led here, the first of all in front. */
  readonly chain: readonly string[];
  /** Of all that has been read. */
  readonly count: { files: number };
}

function readNode(text: string, { path, chain, count }: Reading): ConfigNode {
  const file: ConfigFile = { path, source: parseYaml(text, path) };
  const { value } = file.source;
  if (value === null || value === undefined) {
    throw new UserError(visible(`${path}: the config is empty${inWords(chain, path)}`));
  }
  const own = nodeOf(file, value);
  if (!own.entries?.has('extends')) return own;
  const place = `${path}:${file.source.locate(['extends'])}: extends: `;
  const rest: ConfigNode = { file, entries: new Map([...own.entries].filter(([key]) => key !== 'extends')) };
  const bases = pathsOf((value as { extends: unknown }).extends, place).map((written) => {
    const relative = expandHome(written);
    const base = isAbsolute(relative) ? relative : join(dirname(path), relative);
    const next = { path: base, chain: [...chain, path], count };
    const baseText = readText(base, place, inWords(next.chain, base));
    refuseLoops(next, place);
    const node = readNode(baseText, next);
    if (node.entries) return node;
    throw new UserError(visible(`${base}:1:1: must be a map of settings${inWords(next.chain, base)}`));
  });
  return [...bases, rest].reduce(mergeConfigs);
}

function pathsOf(value: unknown, place: string): readonly string[] {
  const paths: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (paths.length > 0 && paths.every((path) => typeof path === 'string' && path !== '')) {
    return paths as readonly string[];
  }
  throw new UserError(visible(`${place}must be the path of a config, or a list of such paths`));
}

function refuseLoops({ path, chain, count }: Reading, place: string): void {
  const real = realpathSync(path);
  if (chain.some((earlier) => sameFile(earlier, real))) {
    throw new UserError(visible(`${place}the files extend each other in a circle${inWords(chain, path)}`));
  }
  count.files++;
  if (count.files >= mostFiles) {
    throw new UserError(
      visible(`${place}the config is made of more than ${mostFiles} files${inWords(chain, path)}`),
    );
  }
}

function sameFile(path: string, real: string): boolean {
  try {
    return realpathSync(path) === real;
  } catch {
    // The name of a text that is no file.
    return false;
  }
}

/** ` (a.yaml extends b.yaml extends c.yaml)`. */
function inWords(chain: readonly string[], path: string): string {
  return chain.length === 0 ? '' : ` (${[...chain, path].join(' extends ')})`;
}
