import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { comparedMethods, loadConfig } from '../../src/experiment/config.js';

const folder = join(import.meta.dirname, '../../configs');

it.each(readdirSync(folder))('%s is a valid comparison with BP', async (file) => {
  const { config } = await loadConfig(join(folder, file));
  const methods = comparedMethods(config);
  expect(methods.length).toBeGreaterThan(1);
  expect(methods.filter(({ method }) => method === 'bp')).toHaveLength(1);
});
