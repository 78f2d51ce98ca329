import { parseDocument } from 'yaml';
import { messageOf, UserError } from '../core/errors.js';
import { visible } from '../core/visible.js';

/** One `a.b=value` from the command line. */
export interface Override {
  /** As it was written, for messages. */
  readonly text: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/**
 * Reads `a.b=value`; the value is YAML (`3`, `true`, `[0.5, 0]`, `{ method: bp }`, else text).
 * Throws a UserError if there is no path or the value is not YAML.
 */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).split('.');
  if (equals < 0 || path.some((part) => part === '')) {
    throw new UserError(visible(`--set ${text}: not of the form a.b=value`));
  }
  try {
    const document = parseDocument(text.slice(equals + 1), { prettyErrors: false, logLevel: 'error' });
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem) throw problem;
    return { text, path, value: document.toJS() as unknown };
  } catch (error) {
    throw new UserError(visible(`--set ${text}: the value is not valid YAML: ${messageOf(error)}`));
  }
}

/**
 * A copy of `document` with the override's value at its path; maps that are missing on the way are made, list
 * entries go by index. Throws a UserError if the path leads through something that is neither a map nor a list.
 */
export function applyOverride(document: unknown, override: Override): unknown {
  return replace(document, override, 0);
}

function replace(node: unknown, override: Override, depth: number): unknown {
  const part = override.path[depth];
  if (part === undefined) return override.value;
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
    copy[index] = replace(copy[index], override, depth + 1);
    return copy;
  }
  if (node === undefined || node === null) return { [part]: replace(undefined, override, depth + 1) };
  if (typeof node !== 'object') return refuse(`is ${JSON.stringify(node)}, which has no "${part}" in it`);
  const map = node as Record<string, unknown>;
  const old = Object.hasOwn(map, part) ? map[part] : undefined;
  return { ...map, [part]: replace(old, override, depth + 1) };
}
