import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownChecksum } from '../../../src/data/fetch/checksum.js';
import { filesOf, parseManifest, readManifest } from '../../../src/data/fetch/manifest.js';
import { officialNames } from '../../../src/data/options.js';
import { userMessage } from '../helpers.js';
import { madeUpSet } from './server.js';

const datasets = join(import.meta.dirname, '../../../datasets');

it('there is one for each official data set, and no other', () => {
  const files = readdirSync(datasets).filter((name) => name.endsWith('.json'));
  expect(files.map((name) => basename(name, '.json')).sort()).toEqual([...officialNames].sort());
});

describe.each(officialNames)('that of %s', (name) => {
  const manifest = readManifest(name);

  it('names itself, and where it comes from', () => {
    expect(manifest.name).toBe(name);
    expect(manifest.downloads.length > 0).toBe(manifest.byHand === undefined);
  });

  it('tells size and SHA-256 of each download, and no path twice', () => {
    for (const download of manifest.downloads) {
      expect(download.bytes).toBeGreaterThan(0);
      expect(knownChecksum(download)?.algorithm).toBe('sha256');
      expect(download.url.endsWith(`/${download.file}`)).toBe(true);
    }
    const paths = manifest.downloads.flatMap(filesOf).map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
  });
});

it('sizes of unpacked files are those that the images need', () => {
  const bytesOf = (name: (typeof officialNames)[number], path: string): number | null =>
    readManifest(name)
      .downloads.flatMap(filesOf)
      .find((file) => file.path === path)!.bytes;
  expect(bytesOf('cifar10', 'cifar-10-batches-bin/test_batch.bin')).toBe(10_000 * 3073);
  expect(bytesOf('cifar100', 'cifar-100-binary/train.bin')).toBe(50_000 * 3074);
  expect(bytesOf('cifar100', 'cifar-100-binary/test.bin')).toBe(10_000 * 3074);
  expect(bytesOf('stl10', 'stl10_binary/train_X.bin')).toBe(5000 * 96 * 96 * 3);
  expect(bytesOf('stl10', 'stl10_binary/test_X.bin')).toBe(8000 * 96 * 96 * 3);
  expect(bytesOf('stl10', 'stl10_binary/unlabeled_X.bin')).toBe(100_000 * 96 * 96 * 3);
});

it.each<[string, (manifest: ReturnType<ReturnType<typeof madeUpSet>['manifest']>) => unknown, RegExp]>([
  [
    'an address that is no web address',
    (m) => (m.downloads[0]!.url = 'file:///etc/passwd'),
    /downloads\.0\.url: /,
  ],
  [
    'a path that leads out',
    (m) => (m.downloads[0]!.unpack![0]!.path = '../x'),
    /downloads\.0\.unpack\.0\.path: /,
  ],
  ['an absolute path', (m) => (m.downloads[0]!.unpack![0]!.path = '/x'), /downloads\.0\.unpack\.0\.path: /],
  ['a file in a folder', (m) => (m.downloads[0]!.file = 'a/b'), /downloads\.0\.file: /],
  ['a checksum that is none', (m) => (m.downloads[0]!.sha256 = 'abc'), /downloads\.0\.sha256: /],
  ['a negative size', (m) => (m.downloads[0]!.bytes = -1), /downloads\.0\.bytes: /],
  ['a key too many', (m) => Object.assign(m, { extra: 1 }), /extra/],
])('refuses %s', async (_, spoil, message) => {
  const manifest = structuredClone(madeUpSet().manifest('http://127.0.0.1/toys.tar.gz'));
  expect(parseManifest(JSON.stringify(manifest), 'toys.json')).toEqual(manifest);
  spoil(manifest);
  const told = await userMessage(() => parseManifest(JSON.stringify(manifest), 'toys.json'));
  expect(told).toMatch(/^toys\.json: /);
  expect(told).toMatch(message);
});

it('refuses what is not JSON', async () => {
  expect(await userMessage(() => parseManifest('{', 'toys.json'))).toMatch(/^toys\.json: not JSON: /);
});
