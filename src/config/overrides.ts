import { isScalar, parseDocument } from 'yaml';
import type { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { alternativeOf, isAnotherChoice, isDiscriminator } from './merge.js';
import { expectedAt, type Expectation } from './schema-paths.js';
import { visible } from '../core/visible.js';

/** One `a.b=value` from the command line. */
export interface Override {
  /** As it was written, for messages. */
  readonly text: string;
  readonly path: readonly string[];
  /** What stands behind the first `=`. */
  readonly written: string;
}

/** Reads `a.b=value`. Throws a UserError if there is no path. */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).split('.');
  if (equals < 0 || path.some((part) => part === '')) {
    throw new UserError(visible(`--set ${text}: not of the form a.b=value`));
  }
  return { text, path, written: text.slice(equals + 1) };
}

/**
 * The override that has the last word on a path.
 *
 * @param document before any: what is not in it was made for what an override sets inside
 */
export function overrideOf(
  overrides: readonly Override[],
  path: readonly PropertyKey[],
  document: unknown,
): Override | undefined {
  const around = overrides.findLast((override) => override.path.every((part, i) => part === String(path[i])));
  if (around !== undefined || isIn(document, path)) return around;
  return overrides.findLast((override) => path.every((part, i) => String(part) === override.path[i]));
}

function isIn(document: unknown, path: readonly PropertyKey[]): boolean {
  let node = document;
  for (const part of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, part)) return false;
    node = (node as Record<PropertyKey, unknown>)[part];
  }
  return true;
}

/**
 * A copy of `document` with each override's value at its path, in order; maps, and for an index 0 lists, that are missing
 * on the way are made, list entries go by index, and one that names another method, network or other choice replaces its
 * options too, as `methods` does `method` and the other way round. Where the schema wants text, the value is the whole
 * text as written, without quotes that are around all of it; elsewhere it is YAML (`3`, `true`, `[0.5, 0]`,
 * `{ method: bp }`).
 *
 * Throws a UserError if a path leads through something that is neither a map nor a list, or a value that is not to be
 * text is not YAML.
 */
export function applyOverrides(
  document: unknown,
  overrides: readonly Override[],
  schema: z.ZodType,
): unknown {
  const ordered = choicesFirst(overrides);
  const apply = (expectationOf: (path: readonly string[]) => Expectation): unknown =>
    ordered.reduce((node, override) => {
      const value = overrideValue(override, expectationOf(override.path));
      return replace(node, override, value, 0);
    }, document);
  // Which choice of the schema counts depends on what the overrides choose.
  const chosen = apply(() => undefined);
  return apply((path) => expectedAt(schema, path, chosen));
}

/** The same, but what names a choice before the options beside it, so that it does not take these with it. */
function choicesFirst(overrides: readonly Override[]): readonly Override[] {
  const ordered: Override[] = [];
  for (const override of overrides) {
    const around = override.path.slice(0, -1);
    const beside = ({ path }: Override): boolean =>
      path.length > around.length && around.every((part, i) => part === path[i]);
    const at = around.length > 0 && isDiscriminator(override.path.at(-1)!) ? ordered.findIndex(beside) : -1;
    ordered.splice(at < 0 ? ordered.length : at, 0, override);
  }
  return ordered;
}

/**
 * What an override's value stands for.
 *
 * @throws UserError if it is neither to be text nor YAML
 */
export function overrideValue({ text, written }: Override, expected: Expectation): unknown {
  const reading = readYaml(written);
  if (expected === 'text') return reading.kind === 'quoted' ? reading.value : written;
  if (reading.kind !== 'broken') return reading.value;
  if (expected === undefined) return written;
  throw new UserError(visible(`--set ${text}: the value is not valid YAML: ${reading.problem}`));
}

type Reading =
  | { readonly kind: 'quoted' | 'plain'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly problem: string };

/** A value as YAML; the text itself if YAML would leave part of it out, as a comment for one. */
function readYaml(written: string): Reading {
  const document = parseDocument(written, { prettyErrors: false, logLevel: 'error' });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) return { kind: 'broken', problem: problem.message };
  const { contents } = document;
  const [start, end] = contents?.range ?? [0, 0];
  if ((written.slice(0, start) + written.slice(end)).trim() !== '') return { kind: 'plain', value: written };
  const isQuoted = isScalar(contents) && contents.type?.startsWith('QUOTE') === true;
  try {
    return { kind: isQuoted ? 'quoted' : 'plain', value: document.toJS() as unknown };
  } catch (error) {
    // Aliases that lead nowhere.
    return { kind: 'broken', problem: messageOf(error) };
  }
}

function replace(node: unknown, override: Override, value: unknown, depth: number): unknown {
  const part = override.path[depth];
  if (part === undefined) return value;
  const refuse = (reason: string): never => {
    const place = override.path.slice(0, depth).join('.');
    throw new UserError(visible(`--set ${override.text}: ${place === '' ? 'the config' : place} ${reason}`));
  };
  if (Array.isArray(node)) {
    const index = /^\d+$/.test(part) ? Number(part) : -1;
    if (index < 0 || index > node.length) {
      return refuse(`is a list of ${node.length}, so "${part}" must be an index from 0 to ${node.length}`);
    }
    const copy: unknown[] = [...(node as unknown[])];
    copy[index] = replace(copy[index], override, value, depth + 1);
    return copy;
  }
  if (node === undefined || node === null) {
    const inner = replace(undefined, override, value, depth + 1);
    return part === '0' ? [inner] : { [part]: inner };
  }
  if (typeof node !== 'object') return refuse(`is ${JSON.stringify(node)}, which has no "${part}" in it`);
  const map = node as Record<string, unknown>;
  const old = Object.hasOwn(map, part) ? map[part] : undefined;
  const isLast = depth === override.path.length - 1;
  // As where a file names another: options of one choice mean nothing to another.
  if (isLast && depth > 0 && isAnotherChoice(part, old, value)) return { [part]: value };
  const other = depth === 0 ? alternativeOf(part) : undefined;
  // What was set last comes last: of an option's former and its new name that one counts.
  const kept = Object.entries(map).filter(([key]) => key !== other && key !== part);
  return { ...Object.fromEntries(kept), [part]: replace(old, override, value, depth + 1) };
}
