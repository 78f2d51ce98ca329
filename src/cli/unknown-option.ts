import { distance } from 'fastest-levenshtein';
import { nearestName, plainName } from '../core/schema-problems.js';
import { shellWord } from '../runs/write-failure.js';

/** What a command takes. */
export interface Vocabulary {
  /** Names of its options. */
  readonly options: readonly string[];
  /** Paths of the values that its `--set` can change, `train.epochs`; none without a `--set`. */
  readonly keys: readonly string[];
  /** Other commands that have an option of the name that was given. */
  readonly owners?: readonly string[];
}

/** Ways to say a key; more would be guesses. */
const mostWays = 3;

/**
 * What to type in place of an option that a command does not have, ` (did you mean …?)`: another of its options, or the
 * `--set` of a config's key that was written as an option, or the command whose option it is. Nothing where none is near.
 *
 * @param name without the dashes
 * @param value that was given with it
 */
export function insteadOf(
  name: string,
  value: string | undefined,
  { options, keys, owners = [] }: Vocabulary,
): string {
  const given = plainName(name);
  const whole = keys.filter((key) => plainName(key) === given);
  const words = [...options, ...keys.map(lastPart)];
  const meant =
    words.find((word) => plainName(word) === given) ??
    words.find((word) => initials(word) === given) ??
    (given.length < 3 ? undefined : words.find((word) => plainName(word).startsWith(given))) ??
    nearestName(
      name,
      words.filter((word) => options.includes(word) || isTypo(given, word)),
    );
  const elsewhere = owners.length === 0 ? '' : `; it is an option of ${owners.join(' and ')}`;
  // A key such as seeds is of those commands too, and changes nothing in this one.
  if (elsewhere !== '' && keys.includes(name)) return elsewhere;
  if (whole.length === 0 && meant === undefined) return elsewhere;
  if (whole.length === 0 && options.includes(meant!)) return `${elsewhere} (did you mean "${meant}"?)`;
  const depthOf = (key: string): number => key.split('.').length;
  const paths = whole.length > 0 ? whole : keys.filter((key) => lastPart(key) === meant);
  const least = Math.min(...paths.map(depthOf));
  const ways = paths
    .filter((key) => depthOf(key) === least)
    .slice(0, mostWays)
    .map((key) => `--set ${shellWord(`${key}=${value ?? '…'}`)}`);
  return `${elsewhere}; a config's values are changed with --set (did you mean ${ways.join(' or ')}?)`;
}

/** There are so many keys that one or another is a little like anything; few mistake a word's first letter. */
function isTypo(given: string, key: string): boolean {
  const plain = plainName(key);
  return given[0] === plain[0] && distance(given, plain) <= given.length / 3;
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

/** `lr` of `learningRate`; nothing of a single word. */
function initials(word: string): string {
  const rest = word.replaceAll(/[^A-Z]/g, '');
  return rest === '' ? '' : (word.charAt(0) + rest).toLowerCase();
}
