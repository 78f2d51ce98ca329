import { entryOf } from '../core/own-entry.js';
import { UserError } from '../core/errors.js';
import { parseYaml } from '../config/yaml-source.js';

/**
 * Before there was `train.lastBatch`, images that did not fill the last batch were dropped: a run folder whose config
 * lacks the key was trained so, whatever the default is now.
 */
const before = { lastBatch: 'drop' } as const;

/**
 * Methods that were others under the same name before they followed their published code, each with a key that every
 * config recorded since has.
 */
const replaced = new Map([
  ['contsup', 'context'],
  ['man-plus', 'momentumStart'],
  ['mlaan', 'momentumUpdates'],
]);

/**
 * What overrides of a recorded config's text say that its version did where it lacks a key.
 *
 * @throws UserError if its method was another one then
 */
export function recordedOverrides(text: string, path: string): string[] {
  const config = parseYaml(text, path).value;
  refuseReplacedMethod(entryOf(config, 'method'), path);
  const train = entryOf(config, 'train');
  const lacks = typeof train === 'object' && train !== null && !('lastBatch' in train);
  return lacks ? [`train.lastBatch=${before.lastBatch}`, ...joinedUnits(config)] : [];
}

/** AugLocal joined its last units on every network then; on ImageNet's it now leaves them apart by default. */
function joinedUnits(config: unknown): string[] {
  const imagenet = ['resnet-imagenet', 'resnext-imagenet'];
  const method = entryOf(config, 'method');
  const joined =
    entryOf(method, 'method') === 'auglocal' &&
    entryOf(method, 'joined') === undefined &&
    imagenet.includes(String(entryOf(entryOf(config, 'network'), 'name')));
  return joined ? ['method.joined=true'] : [];
}

/**
 * Refuses the recorded section of a method that is another one now.
 *
 * @param path of the file that it stands in, for the message
 */
export function refuseReplacedMethod(method: unknown, path: string): void {
  const name = entryOf(method, 'method');
  const key = typeof name === 'string' ? replaced.get(name) : undefined;
  if (key === undefined || entryOf(method, key) !== undefined) return;
  throw new UserError(
    `${path}: method: the ${String(name)} of an older version, which did not follow the published code and is another method: train it anew, in a new folder`,
  );
}
