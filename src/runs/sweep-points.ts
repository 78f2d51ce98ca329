import { createHash } from 'node:crypto';
import { parseDocument } from 'yaml';
import { UserError } from '../core/errors.js';
import { visible } from '../core/visible.js';

/** A key of the config, and the values that it takes in turn, as `--set` would be given them. */
export interface SweptKey {
  readonly key: string;
  readonly values: readonly string[];
}

/** One combination of values, by their keys. */
export type SweepPoint = Readonly<Record<string, string>>;

/** More combinations would be a slip of the finger. */
const mostPoints = 1000;

/**
 * Reads `train.learningRate=0.05,0.1`, or lists as values: `method.cuts=[stem],[stem, layer1.0]`.
 *
 * @throws UserError if there is no key, no value, or one twice
 */
export function parseSwept(text: string): SweptKey {
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(0, equals));
  const refuse = (reason: string): never => {
    throw new UserError(visible(`--over ${text}: ${reason}`));
  };
  if (key === '') return refuse('not of the form a.b=value,value');
  const list = parseDocument(`[${text.slice(equals + 1)}\n]`, { prettyErrors: false, logLevel: 'error' });
  const values: unknown = list.errors.length > 0 ? undefined : list.toJS();
  if (!Array.isArray(values) || values.length === 0) return refuse('must have values with commas between');
  const written = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  const twice = written.find((value, i) => written.indexOf(value) < i);
  if (twice !== undefined) return refuse(`has ${twice} twice`);
  return { key, values: written };
}

/**
 * Every combination of the values, the last key's changing fastest.
 *
 * @throws UserError for a key that is there twice, or more than 1,000 combinations
 */
export function sweepPoints(swept: readonly SweptKey[]): SweepPoint[] {
  const keys = swept.map(({ key }) => key);
  const twice = keys.find((key, i) => keys.indexOf(key) < i);
  if (twice !== undefined)
    throw new UserError(`--over ${twice}: is there twice; give all its values at once`);
  const count = swept.reduce((product, { values }) => product * values.length, 1);
  if (count > mostPoints) throw new UserError(`--over: ${count} combinations; at most ${mostPoints}`);
  return swept.reduce<SweepPoint[]>(
    (points, { key, values }) =>
      points.flatMap((point) => values.map((value) => ({ ...point, [key]: value }))),
    [{}],
  );
}

/** The name of the folder for a combination's runs: the same whatever other combinations there are. */
export function pointFolder(point: SweepPoint): string {
  const parts = Object.entries(point).map(([key, value]) => `${key}=${value}`);
  const plain = parts.map((part) => part.replaceAll(/[^A-Za-z0-9.=-]+/g, '_')).join(',');
  if (plain.length <= 120 && parts.every((part) => /^[A-Za-z0-9.=-]+$/.test(part))) return plain;
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
  return `${plain.slice(0, 120)}-${digest}`;
}
