import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { takeLock } from '../../../src/data/fetch/lock.js';
import { temporaryFolders, userMessage } from '../helpers.js';

const newFolder = temporaryFolders();

it('is held until it is given back', async () => {
  const path = join(newFolder(), 'lock');
  const release = takeLock(path, 'toys');
  expect(await userMessage(() => takeLock(path, 'toys'))).toBe(
    `toys: another process is fetching it (process ${process.pid} on ${hostname()}): wait for that one, or, if there is none, remove ${path}`,
  );
  release();
  expect(existsSync(path)).toBe(false);
  takeLock(path, 'toys')();
});

it('is taken over from a process that is gone, and from no other', async () => {
  const folder = newFolder();
  const path = join(folder, 'lock');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const lockOf = (holder: object): void => writeFileSync(path, JSON.stringify(holder));
  lockOf({ pid, host: hostname() });
  const release = takeLock(path, 'toys');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ pid: process.pid, host: hostname() });
  release();
  lockOf({ pid, host: 'another-machine' });
  expect(await userMessage(() => takeLock(path, 'toys'))).toMatch(/\(process \d+ on another-machine\)/);
  lockOf({ pid: process.ppid, host: hostname() });
  expect(await userMessage(() => takeLock(path, 'toys'))).toMatch(/another process is fetching it/);
  // One that another process is just writing.
  writeFileSync(path, '');
  expect(await userMessage(() => takeLock(path, 'toys'))).toMatch(/if there is none, remove/);
  expect(readdirSync(folder)).toEqual(['lock']);
});
