import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { takeLock } from '../../src/core/lock.js';
import { temporaryFolders, userMessage } from '../data/helpers.js';

const newFolder = temporaryFolders();

it('is held until it is given back', async () => {
  const path = join(newFolder(), 'lock');
  const release = takeLock(path, 'toys: another process is fetching it');
  expect(await userMessage(() => takeLock(path, 'toys: another process is fetching it'))).toBe(
    `toys: another process is fetching it (process ${process.pid} on ${hostname()}): wait for that one, or, if there is none, remove ${path}`,
  );
  release();
  expect(existsSync(path)).toBe(false);
  takeLock(path, 'toys: another process is fetching it')();
});

it('is taken over from a process that is gone, and from no other', async () => {
  const folder = newFolder();
  const path = join(folder, 'lock');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const lockOf = (holder: object): void => writeFileSync(path, JSON.stringify(holder));
  const take = (): (() => void) => takeLock(path, 'toys: in use');
  lockOf({ pid, host: hostname() });
  const release = take();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
  release();
  lockOf({ pid, host: 'another-machine' });
  expect(await userMessage(take)).toMatch(/^toys: in use \(process \d+ on another-machine\)/);
  lockOf({ pid: process.ppid, host: hostname() });
  expect(await userMessage(take)).toMatch(/in use/);
  writeFileSync(path, 'something else');
  expect(await userMessage(take)).toMatch(/if there is none, remove/);
  expect(readdirSync(folder)).toEqual(['lock']);
});

it.skipIf(!existsSync('/proc/self/stat'))(
  'is taken over where another process has the number of one that is gone',
  async () => {
    const path = join(newFolder(), 'lock');
    const take = (): (() => void) => takeLock(path, 'toys: in use');
    take();
    const own = JSON.parse(readFileSync(path, 'utf8')) as { started: string };
    expect(await userMessage(take)).toMatch(/in use/);
    writeFileSync(path, JSON.stringify({ ...own, started: String(Number(own.started) + 1) }));
    take()();
    expect(existsSync(path)).toBe(false);
  },
);

it('without content is left to who may be writing it, and not for ever', async () => {
  const path = join(newFolder(), 'lock');
  const take = (): (() => void) => takeLock(path, 'toys: in use');
  writeFileSync(path, '');
  expect(await userMessage(take)).toMatch(/in use/);
  const before = Date.now() / 1000 - 6;
  utimesSync(path, before, before);
  take()();
});
