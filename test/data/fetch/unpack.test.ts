import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { unpackTarGz } from '../../../src/data/fetch/unpack.js';
import { UserError } from '../../../src/core/errors.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import { digest, noise, tar, tarGz, type TarEntry } from './server.js';

const newFolder = temporaryFolders();
const content = noise(5000);
const listed = [
  { path: 'set/a.bin', bytes: content.length, sha1: digest('sha1', content) },
  { path: 'set/b.txt', bytes: null },
];
const good: TarEntry[] = [
  { path: 'set/', type: 'Directory' },
  { path: 'set/a.bin', content },
  { path: 'set/b.txt', content: Buffer.from('text') },
];

/** An archive in a folder of its own, and the folder that it is unpacked to, which nothing may leave. */
function unpacking(bytes: Buffer) {
  const folder = newFolder();
  const archive = join(folder, 'set.tar.gz');
  const target = join(folder, 'target');
  mkdirSync(target);
  writeFileSync(archive, bytes);
  writeFileSync(join(folder, 'victim'), 'untouched');
  return { folder, archive, target, run: () => unpackTarGz(archive, target, listed) };
}

function expectNothingOutside(folder: string): void {
  expect(readdirSync(folder).sort()).toEqual(['set.tar.gz', 'target', 'victim']);
  expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('untouched');
}

it('writes the listed files, leaves others out, and tells how far it is', async () => {
  const { archive, target, folder } = unpacking(tarGz([...good, { path: 'set/c', content: noise(700) }]));
  const progress: [number, number][] = [];
  await unpackTarGz(archive, target, listed, { onProgress: (done, total) => progress.push([done, total]) });
  expect(readdirSync(target)).toEqual(['set']);
  expect(readdirSync(join(target, 'set')).sort()).toEqual(['a.bin', 'b.txt']);
  expect(readFileSync(join(target, 'set', 'a.bin')).equals(content)).toBe(true);
  expect(readFileSync(join(target, 'set', 'b.txt'), 'utf8')).toBe('text');
  expect(progress.at(-1)).toEqual([5000, 5000]);
  expectNothingOutside(folder);
});

it('takes paths that begin with ./', async () => {
  const { target, run } = unpacking(tarGz(good.map((entry) => ({ ...entry, path: `./${entry.path}` }))));
  await run();
  expect(existsSync(join(target, 'set', 'a.bin'))).toBe(true);
});

it.each<[string, TarEntry, RegExp]>([
  [
    'leads out',
    { path: '../victim', content: Buffer.from('x') },
    /entry "\.\.\/victim" leads out of the folder/,
  ],
  ['leads out from within', { path: 'set/../../victim' }, /entry "set\/\.\.\/\.\.\/victim" leads out/],
  [
    'is absolute',
    { path: '/tmp/victim', content: Buffer.from('x') },
    /entry "\/tmp\/victim" has an absolute path/,
  ],
  ['is absolute elsewhere', { path: 'C:/victim' }, /entry "C:\/victim" has an absolute path/],
  ['leads out by a folder', { path: '../more/', type: 'Directory' }, /entry "\.\.\/more\/?" leads out/],
  [
    'is a symbolic link',
    { path: 'set/a.bin', type: 'SymbolicLink', linkpath: '../../victim' },
    /entry "set\/a\.bin" is a SymbolicLink, not a file/,
  ],
  [
    'is a hard link',
    { path: 'set/other', type: 'Link', linkpath: '../victim' },
    /entry "set\/other" is a Link, not a file/,
  ],
  ['is a device', { path: 'set/b.txt', type: 'CharacterDevice' }, /is a CharacterDevice, not a file/],
  ['is a disk', { path: 'set/b.txt', type: 'BlockDevice' }, /is a BlockDevice, not a file/],
  ['is a pipe', { path: 'set/b.txt', type: 'FIFO' }, /is a FIFO, not a file/],
  [
    'claims to be huge',
    { path: 'set/a.bin', size: 2 ** 40 },
    /entry "set\/a\.bin": expected 5000 bytes, found 1099511627776/,
  ],
  [
    'claims to be large for a text',
    { path: 'set/b.txt', size: 2 ** 30 },
    /entry "set\/b\.txt": expected at most 1048576 bytes, found 1073741824/,
  ],
  ['is of another length', { path: 'set/a.bin', content: noise(4999) }, /expected 5000 bytes, found 4999/],
  [
    'is another file',
    { path: 'set/a.bin', content: noise(5000, 2) },
    /entry "set\/a\.bin": expected sha1 [0-9a-f]{40}, found [0-9a-f]{40}/,
  ],
])('refuses an archive with an entry that %s', async (_, entry, message) => {
  const { folder, archive, run } = unpacking(tarGz([entry, ...good]));
  const told = await userMessage(run);
  expect(told).toMatch(message);
  expect(told.startsWith(`${archive}: `)).toBe(true);
  expectNothingOutside(folder);
});

it('does not write through a link that another entry made', async () => {
  const { folder, run } = unpacking(
    tarGz([{ path: 'set', type: 'SymbolicLink', linkpath: '..' }, ...good.slice(1)]),
  );
  expect(await userMessage(run)).toMatch(/entry "set" is a SymbolicLink/);
  expectNothingOutside(folder);
});

it('refuses a file that is there twice, or not at all', async () => {
  const twice = unpacking(tarGz([...good, good[1]!]));
  expect(await userMessage(twice.run)).toMatch(/entry "set\/a\.bin" is there twice/);
  const missing = unpacking(tarGz(good.slice(0, 2)));
  expect(await userMessage(missing.run)).toMatch(/: set\/b\.txt is not in it/);
});

it('stops a gzip bomb at what the listed files may need', async () => {
  const { folder, target, run } = unpacking(
    tarGz([{ path: 'zeros', content: Buffer.alloc(100e6) }, ...good]),
  );
  expect(await userMessage(run)).toMatch(/unpacks to more than the 2102152 bytes that it may/);
  expect(readdirSync(target)).toEqual([]);
  expectNothingOutside(folder);
});

it('does not unpack a second layer', async () => {
  // A first layer that comes in pieces of one byte, and one that fits it all in.
  for (const inner of [tarGz(good), gzipSync(Buffer.alloc(100e6)), Buffer.from('28b52ffd00', 'hex')]) {
    const { run } = unpacking(gzipSync(inner));
    expect(await userMessage(run)).toMatch(/is compressed twice/);
  }
});

it.each<[string, Buffer, RegExp]>([
  ['no gzip', tar(good), /not a sound gzip file \(incorrect header check\)/],
  ['nothing', Buffer.alloc(0), /(not a sound|is not in it)/],
  ['gzip of nothing', gzipSync(''), /(not a sound|is not in it)/],
  ['a cut gzip file', tarGz(good).subarray(0, 3000), /not a sound gzip file \(unexpected end of file\)/],
  ['a cut archive', gzipSync(tar(good).subarray(0, 3000)), /not a sound tar archive \(.*Truncated input/],
  ['no archive', gzipSync(noise(5000)), /not a sound tar archive/],
])('refuses %s', async (_, bytes, message) => {
  const { folder, run } = unpacking(bytes);
  expect(await userMessage(run)).toMatch(message);
  expectNothingOutside(folder);
});

it('refuses archives with any change, or unpacks what is listed and nothing else', async () => {
  const archive = tar(good);
  const edits = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(edits, fc.integer({ min: 0, max: archive.length }), async (changes, length) => {
      const bytes = Buffer.from(archive);
      // Most changes go to the first headers, where they do the most.
      for (const [at, value] of changes) bytes[at < 3000 ? at % 1536 : at] = value;
      const { folder, target, run } = unpacking(gzipSync(bytes.subarray(0, length), { level: 1 }));
      try {
        await run();
        expect(readFileSync(join(target, 'set', 'a.bin')).equals(content)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).message).not.toContain('\n');
      }
      expectNothingOutside(folder);
    }),
    { numRuns: 300 },
  );
});
