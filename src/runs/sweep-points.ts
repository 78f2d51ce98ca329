import { createHash } from 'node:crypto';
import { UserError } from '../core/errors.js';
import { visible } from '../core/visible.js';

/** A key of the config, and the values that it takes in turn, as they were written: what `--set` is given. */
export interface SweptKey {
  readonly key: string;
  readonly values: readonly string[];
}

/** One combination of values, by their keys. */
export type SweepPoint = Readonly<Record<string, string>>;

/** More combinations would be a slip of the finger. */
const mostPoints = 1000;

/**
 * Reads `train.learningRate=0.05,0.1`, or lists as values: `method.cuts=[stem],[stem, layer1.0]`. A comma within
 * brackets or quotes that a value begins with is its own.
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
  const values = valuesIn(text.slice(equals + 1)) ?? refuse('has a bracket or a quote that is not closed');
  if (values.includes('')) return refuse('must have values with commas between');
  const twice = values.find((value, i) => values.indexOf(value) < i);
  if (twice !== undefined) return refuse(`has ${twice} twice`);
  return { key, values };
}

const closing: ReadonlyMap<string, string> = new Map([
  ['[', ']'],
  ['{', '}'],
]);

/** What stands between commas; undefined where a bracket or a quote is not closed. */
function valuesIn(text: string): string[] | undefined {
  const values: string[] = [];
  /** What closes the brackets, or the quote, that are open. */
  let open: string[] = [];
  let quote: string | undefined;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    const before = text.slice(start, i).trimEnd();
    if (quote !== undefined) {
      // In YAML a backslash escapes in double quotes, and in single ones a second quote stands for one.
      const escapes = quote === '"' ? character === '\\' : character === quote && text[i + 1] === quote;
      if (escapes) i++;
      else if (character === quote) quote = undefined;
    } else if (character === ',' && open.length === 0) {
      values.push(before.trim());
      start = i + 1;
    } else if (before === '' || open.length > 0) {
      const begins = before === '' || /[[{,:]$/.test(before);
      if (begins && /["']/.test(character)) quote = character;
      else if (closing.has(character)) open.push(closing.get(character)!);
      else if (character === open.at(-1)) open = open.slice(0, -1);
    }
  }
  if (quote !== undefined || open.length > 0) return undefined;
  return [...values, text.slice(start).trim()];
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

/** What makes the combination of a config: `a.b=value` each. */
export function overridesOf(point: SweepPoint): string[] {
  return Object.entries(point).map(([key, value]) => `${key}=${value}`);
}

/** The name of the folder for a combination's runs: the same whatever other combinations there are. */
export function pointFolder(point: SweepPoint): string {
  const parts = overridesOf(point);
  const plain = parts.map((part) => part.replaceAll(/[^A-Za-z0-9.=-]+/g, '_')).join(',');
  if (plain.length <= 120 && parts.every((part) => /^[A-Za-z0-9.=-]+$/.test(part))) return plain;
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
  return `${plain.slice(0, 120)}-${digest}`;
}
