import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { parseYaml } from '../config/yaml-source.js';

/**
 * A config as it was recorded before there was `train.lastBatch`, which every run records since. Images that did not
 * fill the last batch were dropped then; and what AugLocal calls `joined` now was done on every network.
 */
const earlierConfig = z.looseObject({
  train: z.looseObject({ lastBatch: z.undefined().optional() }),
  network: z.looseObject({ name: z.string() }),
  method: z.looseObject({ method: z.string() }),
});

/** Methods that were built from their papers' abstracts then, and are others now that they follow the published code. */
const replaced = ['man-plus', 'mlaan', 'contsup'];

/** What was done then where a config says nothing, by key. */
function earlierDefaults(config: unknown): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const found = earlierConfig.safeParse(config).data;
  if (found === undefined) return {};
  const { method, network } = found;
  const joined = method.method === 'auglocal' && /^resne(x?)t-imagenet$/.test(network.name);
  return { train: { lastBatch: 'drop' }, ...(joined ? { method: { joined: true } } : {}) };
}

/** Whether a run was trained by another method than the one that has its name now. */
export function isReplaced(config: unknown): boolean {
  const found = earlierConfig.safeParse(config).data;
  return found !== undefined && replaced.includes(found.method.method);
}

/** A recorded config, with what its version did where it lacks a key. */
export function asRecorded(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const sections = Object.entries(earlierDefaults(config));
  return {
    ...config,
    ...Object.fromEntries(sections.map(([key, values]) => [key, { ...values, ...(config[key] as object) }])),
  };
}

/**
 * The same for a run folder's `config.yaml`, as overrides of its text.
 *
 * @throws UserError where its method is another now
 */
export function recordedOverrides(text: string, path: string): string[] {
  const config = parseYaml(text, path).value;
  if (isReplaced(config)) {
    const { method } = (config as { method: { method: string } }).method;
    throw new UserError(
      `${path}: trained by an earlier "${method}", which was another method: the one of that name now follows the published code; train it anew in another folder`,
    );
  }
  return Object.entries(earlierDefaults(config)).flatMap(([section, values]) =>
    Object.entries(values).map(([key, value]) => `${section}.${key}=${String(value)}`),
  );
}
