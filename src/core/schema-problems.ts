import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';

/** What is wrong at one place of a document. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Checks a value against a schema: the parsed value, or every problem found, each saying what is allowed there and
 * which allowed name is nearest to the one given.
 */
export function check<T>(schema: z.ZodType<T>, value: unknown): { value: T } | { problems: Problem[] } {
  const result = schema.safeParse(value, { error: describe });
  return result.success ? { value: result.data } : { problems: result.error.issues.flatMap(split) };
}

/** `a.b.0`, as `--set` takes it. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

/** ` (did you mean "x"?)` if one of the names is near the one given, else nothing. */
export function nearest(given: string, names: readonly string[]): string {
  const near = nearestName(given, names);
  return near === undefined ? '' : ` (did you mean "${near}"?)`;
}

/** The one of the names that is nearest to the one given, if any is near. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const plainNames = names.map(plainName);
  const best = closest(plainName(given), plainNames);
  const near = distance(plainName(given), best) <= Math.max(2, Math.floor(given.length / 2));
  return near ? names[plainNames.indexOf(best)] : undefined;
}

/** Without what people write in different ways: `batch-size`, `batch_size`, `batchSize`. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** The message of an issue; of one that lists several unknown keys, a line for each. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const allowed = Object.keys(
        (issue.inst as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape ?? {},
      );
      const list = allowed.length > 0 ? `; allowed: ${allowed.join(', ')}` : '';
      return issue.keys.map((key) => `unknown key${nearest(key, allowed)}${list}`).join('\n');
    }
    case 'invalid_value':
      return oneOf(issue.values.map(String), input);
    case 'invalid_union': {
      const { discriminator, options } = issue as { discriminator?: unknown; options?: unknown };
      if (typeof discriminator !== 'string' || !Array.isArray(options)) return undefined;
      return oneOf(options.map(String), (input as Record<string, unknown> | undefined)?.[discriminator]);
    }
    case 'invalid_type':
      return input === undefined
        ? `missing; must be ${article(issue.expected)}`
        : `must be ${article(issue.expected)}, not ${showValue(input)}${quotesHint(issue.expected, input)}${mapHint(issue)}`;
    case 'too_small':
    case 'too_big':
      return `must be ${bound(issue)}, not ${issue.origin === 'array' ? (input as unknown[]).length : showValue(input)}`;
    case 'custom':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
      return undefined;
  }
}

function split(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
    // Of the ways to write a value the one that was meant, where it can be told: the only one that looks into it.
    const looked = issue.errors.filter((found) =>
      found.some(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'),
    );
    const [meant] = looked;
    if (meant !== undefined && looked.length === 1) {
      return meant.flatMap(split).map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
    }
    const ways = issue.errors.map(([first]) => /^must be (.*), not (.*)$/s.exec(first?.message ?? ''));
    if (ways.every((way) => way !== null)) {
      const allowed = ways.map(([, way]) => way!).join(', or ');
      return [{ path: issue.path, message: `must be ${allowed}, not ${ways[0]![2]!}` }];
    }
  }
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }];
  const messages = issue.message.split('\n');
  return issue.keys.map((key, i) => ({ path: [...issue.path, key], message: messages[i] ?? issue.message }));
}

function oneOf(allowed: readonly string[], input: unknown): string {
  const must = `must be ${allowed.length === 1 ? allowed[0] : `one of ${allowed.join(', ')}`}`;
  if (input === undefined) return `missing; ${must}`;
  return `${must}, not ${showValue(input)}${typeof input === 'string' ? nearest(input, allowed) : ''}`;
}

function bound(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig>): string {
  const [words, limit] =
    issue.code === 'too_small'
      ? [issue.inclusive ? 'at least' : 'greater than', issue.minimum]
      : [issue.inclusive ? 'at most' : 'less than', issue.maximum];
  const unit = issue.origin === 'string' ? ' characters long' : issue.origin === 'array' ? ' entries' : '';
  return `${words} ${limit}${unit}`;
}

function article(expected: string): string {
  const names: Record<string, string> = {
    int: 'a whole number',
    object: 'a map',
    record: 'a map',
    array: 'a list',
    tuple: 'a list',
    string: 'text',
    boolean: 'true or false',
  };
  return names[expected] ?? `a ${expected}`;
}

/** For text that YAML takes for something else, such as `2024` or `true`. */
function quotesHint(expected: string, input: unknown): string {
  return expected === 'string' && typeof input !== 'object' ? '; text like that needs quotes around it' : '';
}

/** For a name alone, where what is named may have options of its own. */
function mapHint({ input, inst }: z.core.$ZodRawIssue): string {
  const { discriminator } =
    (inst as { _zod?: { def?: { discriminator?: string } } } | undefined)?._zod?.def ?? {};
  if (discriminator === undefined || typeof input !== 'string' || !/^[\w+-]+$/.test(input)) return '';
  return `: write { ${discriminator}: ${input} }`;
}

/** A value as the user wrote it, cut to what fits in a line. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  if (typeof value === 'function') return 'a function';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
