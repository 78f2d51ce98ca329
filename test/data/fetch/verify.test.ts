import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/data/fetch/manifest.js';
import { verifyFiles } from '../../../src/data/fetch/verify.js';
import { temporaryFolders } from '../helpers.js';
import { digest, madeUp, madeUpSet, noise } from './server.js';

const newFolder = temporaryFolders();
const toys = madeUpSet();

describe('verifyFiles', () => {
  const options = { checksums: true };

  it('finds nothing wrong with what was fetched, and names what is', async () => {
    const dir = newFolder();
    mkdirSync(join(dir, 'toys'));
    for (const [path, content] of Object.entries(toys.files)) writeFileSync(join(dir, path), content);
    const manifest = toys.manifest('http://127.0.0.1/toys.tar.gz');
    expect(await verifyFiles(manifest, dir, options)).toEqual([]);
    const train = join(dir, 'toys', 'train.bin');
    writeFileSync(train, noise(200_000, 9));
    rmSync(join(dir, 'toys', 'names.txt'));
    const problems = await verifyFiles(manifest, dir, options);
    expect(problems.map(({ path }) => path)).toEqual(['toys/train.bin', 'toys/names.txt']);
    expect(problems[0]?.problem).toMatch(/^expected sha1 [0-9a-f]{40}, found [0-9a-f]{40}$/);
    expect(problems[1]?.problem).toBe('is missing');
    expect(await verifyFiles(manifest, dir, { checksums: false })).toHaveLength(1);
    writeFileSync(train, 'short');
    expect((await verifyFiles(manifest, dir, { checksums: false }))[0]?.problem).toBe(
      'expected 200000 bytes, found 5',
    );
  });

  it('takes another form of the set, optional files and archives as the manifest says', async () => {
    const dir = newFolder();
    const whole = noise(10);
    const file = (path: string) => ({ path, bytes: 10, md5: digest('md5', whole) });
    const manifest: Manifest = {
      ...madeUp,
      downloads: [
        {
          url: 'http://127.0.0.1/toys.tar.gz',
          file: 'toys.tar.gz',
          bytes: null,
          unpack: [file('bin/a'), { ...file('bin/b'), optional: true }],
        },
        { url: 'http://127.0.0.1/c.gz', file: 'c.gz', bytes: 10, part: 'more' },
      ],
      otherForms: [[file('py/a'), file('py/b')]],
      archives: [file('toys.tar')],
    };
    mkdirSync(join(dir, 'py'));
    writeFileSync(join(dir, 'py', 'a'), whole);
    expect(await verifyFiles(manifest, dir, options)).toEqual([{ path: 'py/b', problem: 'is missing' }]);
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin', 'a'), whole);
    expect(await verifyFiles(manifest, dir, options)).toEqual([]);
    writeFileSync(join(dir, 'toys.tar'), 'not');
    writeFileSync(join(dir, 'c.gz'), 'not');
    const problems = await verifyFiles(manifest, dir, options);
    expect(problems).toEqual([
      { path: 'c.gz', problem: 'expected 10 bytes, found 3' },
      { path: 'toys.tar', problem: 'expected 10 bytes, found 3' },
    ]);
    // Unpacked by its user: for the reader to check.
    rmSync(join(dir, 'c.gz'));
    rmSync(join(dir, 'toys.tar'));
    writeFileSync(join(dir, 'c'), 'plain');
    expect(await verifyFiles(manifest, dir, options)).toEqual([]);
  });
});
