import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expandHome } from '../../src/core/home.js';

it.each([
  ['~', homedir()],
  ['~/zoo', join(homedir(), 'zoo')],
  ['~other/zoo', '~other/zoo'],
  ['./~/zoo', './~/zoo'],
  ['zoo/~', 'zoo/~'],
  ['/zoo', '/zoo'],
])('%s', (path, expanded) => {
  expect(expandHome(path)).toBe(expanded);
});
