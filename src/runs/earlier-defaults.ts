import { parseYaml } from '../config/yaml-source.js';

/**
 * Before there was `train.lastBatch`, images that did not fill the last batch were dropped: a run folder whose config
 * lacks the key was trained so, whatever the default is now.
 */
const before = { lastBatch: 'drop' } as const;

/** A recorded config, with what its version did where it lacks a key. */
export function asRecorded(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...config, train: { ...before, ...(config['train'] as object) } };
}

/** The same for a run folder's `config.yaml`, as overrides of its text. */
export function recordedOverrides(text: string, path: string): string[] {
  const config = parseYaml(text, path).value;
  const train = typeof config === 'object' && config !== null && 'train' in config ? config.train : undefined;
  const lacks = typeof train === 'object' && train !== null && !('lastBatch' in train);
  return lacks ? [`train.lastBatch=${before.lastBatch}`] : [];
}
