import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fetchDataset, type FetchOptions, type FetchProgress } from '../../../src/data/fetch/fetch.js';
import type { Manifest } from '../../../src/data/fetch/manifest.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import {
  digest,
  impatient,
  madeUp,
  madeUpSet,
  noise,
  serveFile,
  tarGz,
  testServers,
  type ServedFile,
} from './server.js';

const newFolder = temporaryFolders();
const newServer = testServers();
const toys = madeUpSet();

function fetchToys(manifest: Manifest, dir: string, options: FetchOptions = {}) {
  return fetchDataset(manifest, dir, { patience: impatient, ...options });
}

/** A folder to fetch to, beside nothing else, and a server that has the made-up archive. */
async function toyServer(served: Partial<ServedFile> = {}) {
  const server = await newServer((request, response) =>
    serveFile(request, response, { content: toys.archive, etag: '"toys"', ...served }),
  );
  const parent = newFolder();
  return { server, parent, dir: join(parent, 'toys'), manifest: toys.manifest(`${server.url}/toys.tar.gz`) };
}

function expectToys(dir: string): void {
  expect(readdirSync(join(dir, 'toys')).sort()).toEqual(['names.txt', 'train.bin']);
  for (const [path, content] of Object.entries(toys.files)) {
    expect(readFileSync(join(dir, path)).equals(content)).toBe(true);
  }
}

describe('an archive', () => {
  it('is downloaded, checked, unpacked and put in place, with nothing left beside', async () => {
    const { parent, dir, manifest } = await toyServer();
    const progress: FetchProgress[] = [];
    expect(await fetchToys(manifest, dir, { onProgress: (at) => progress.push(at) })).toBe('fetched');
    expectToys(dir);
    expect(readdirSync(parent)).toEqual(['toys']);
    expect([...new Set(progress.map(({ doing }) => doing))]).toEqual([
      'downloading',
      'checking',
      'unpacking',
    ]);
  });

  it('that is there already is checked and not asked for', async () => {
    const { server, parent, dir, manifest } = await toyServer();
    await fetchToys(manifest, dir);
    expect(await fetchToys(manifest, dir)).toBe('present');
    expect(server.requests).toHaveLength(1);
    expect(readdirSync(parent)).toEqual(['toys']);
  });

  it('that is there, but damaged or not whole, is left to its owner', async () => {
    const { server, dir, manifest } = await toyServer();
    await fetchToys(manifest, dir);
    const train = join(dir, 'toys', 'train.bin');
    writeFileSync(train, noise(200_000, 9));
    expect(await userMessage(() => fetchToys(manifest, dir))).toMatch(
      new RegExp(`^${train}: expected sha1 .*: remove ${join(dir, 'toys')} and fetch again`),
    );
    rmSync(train);
    expect(await userMessage(() => fetchToys(manifest, dir))).toMatch(/train\.bin: is missing: remove /);
    expect(server.requests).toHaveLength(1);
  });

  it('goes into a folder with other things, an empty one, and one behind a link', async () => {
    const { parent, dir, manifest } = await toyServer();
    mkdirSync(dir);
    writeFileSync(join(dir, 'mine'), 'mine');
    await fetchToys(manifest, dir);
    expectToys(dir);
    expect(readFileSync(join(dir, 'mine'), 'utf8')).toBe('mine');
    mkdirSync(join(parent, 'empty'));
    symlinkSync(join(parent, 'empty'), join(parent, 'link'));
    await fetchToys(manifest, join(parent, 'link'));
    expectToys(join(parent, 'empty'));
    expect(readdirSync(parent).sort()).toEqual(['empty', 'link', 'toys']);
  });

  it('is not asked for where the set is there in another form', async () => {
    const { server, dir, manifest } = await toyServer();
    const form = { path: 'py/train', bytes: 5, md5: digest('md5', Buffer.from('whole')) };
    mkdirSync(join(dir, 'py'), { recursive: true });
    writeFileSync(join(dir, 'py', 'train'), 'whole');
    expect(await fetchToys({ ...manifest, otherForms: [[form]] }, dir)).toBe('present');
    writeFileSync(join(dir, 'py', 'train'), 'wrong');
    const message = await userMessage(() => fetchToys({ ...manifest, otherForms: [[form]] }, dir));
    expect(message).toMatch(/py\/train: expected md5 .*: remove .*\/toys\/py and fetch again/);
    expect(server.requests).toHaveLength(0);
  });

  it('that came from elsewhere is used without the server', async () => {
    const { server, dir, manifest } = await toyServer();
    mkdirSync(`${dir}.fetch`);
    writeFileSync(join(`${dir}.fetch`, 'toys.tar.gz'), toys.archive);
    await fetchToys(manifest, dir);
    expectToys(dir);
    expect(server.requests).toHaveLength(0);
  });

  it('leaves nothing in place, and no half of it unpacked, if it is malicious or not what the manifest says', async () => {
    const { parent, dir, manifest } = await toyServer();
    const archives = [
      tarGz([
        { path: 'toys/train.bin', content: toys.files['toys/train.bin']! },
        { path: '../../out', content: noise(3) },
      ]),
      tarGz([{ path: 'toys/train.bin', content: toys.files['toys/train.bin']! }]),
      tarGz([{ path: 'toys/train.bin', type: 'SymbolicLink', linkpath: '/etc/passwd' }]),
    ];
    for (const content of archives) {
      const server = await newServer((request, response) => serveFile(request, response, { content }));
      const [download] = manifest.downloads;
      const url = `${server.url}/toys.tar.gz`;
      const bad = { ...download!, url, bytes: content.length, sha256: digest('sha256', content) };
      const message = await userMessage(() => fetchToys({ ...manifest, downloads: [bad] }, dir));
      expect(message).toMatch(/toys\.fetch\/toys\.tar\.gz: .*: nothing of it was put in place$/);
      expect(readdirSync(parent)).toEqual(['toys.fetch']);
      expect(readdirSync(`${dir}.fetch`)).toEqual(['toys.tar.gz']);
      rmSync(`${dir}.fetch`, { recursive: true });
    }
  });

  it('leaves nothing behind if nothing came', async () => {
    const { parent, dir, manifest } = await toyServer();
    const [download] = manifest.downloads;
    const nowhere = { ...manifest, downloads: [{ ...download!, url: 'http://127.0.0.1:1/toys.tar.gz' }] };
    expect(await userMessage(() => fetchToys(nowhere, dir))).toMatch(/cannot reach 127\.0\.0\.1:1/);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('is unpacked anew after an end in the middle of it', async () => {
    const { dir, manifest } = await toyServer();
    const half = join(`${dir}.fetch`, 'files', 'toys');
    mkdirSync(half, { recursive: true });
    writeFileSync(join(half, 'train.bin'), 'half');
    await fetchToys(manifest, dir);
    expectToys(dir);
  });
});

describe('a set of several files', () => {
  const files = { 'a.mat': noise(5000, 1), 'b.mat': noise(6000, 2), 'extra.mat': noise(7000, 3) };
  const several = async (broken?: string) => {
    const server = await newServer((request, response) => {
      const name = request.url!.slice(1) as keyof typeof files;
      if (name === broken) response.writeHead(404).end();
      else serveFile(request, response, { content: files[name], etag: `"${name}"` });
    });
    const downloads = Object.entries(files).map(([file, content]) => ({
      url: `${server.url}/${file}`,
      file,
      bytes: content.length,
      sha256: digest('sha256', content),
      ...(file === 'extra.mat' && { part: 'extra' }),
    }));
    const parent = newFolder();
    return { server, parent, dir: join(parent, 'toys'), manifest: { ...madeUp, downloads } };
  };

  it('comes into place at once, its extra part if asked for, later too', async () => {
    const { server, parent, dir, manifest } = await several();
    await fetchToys(manifest, dir);
    expect(readdirSync(dir).sort()).toEqual(['a.mat', 'b.mat']);
    expect(await fetchToys(manifest, dir, { parts: ['extra'] })).toBe('fetched');
    expect(readdirSync(dir).sort()).toEqual(['a.mat', 'b.mat', 'extra.mat']);
    for (const [name, content] of Object.entries(files)) {
      expect(readFileSync(join(dir, name)).equals(content)).toBe(true);
    }
    expect(server.requests.map(({ url }) => url)).toEqual(['/a.mat', '/b.mat', '/extra.mat']);
    expect(readdirSync(parent)).toEqual(['toys']);
  });

  it('does not come in part', async () => {
    const { parent, dir, manifest } = await several('b.mat');
    expect(await userMessage(() => fetchToys(manifest, dir))).toMatch(/b\.mat: answers 404/);
    expect(existsSync(dir)).toBe(false);
    expect(readdirSync(parent)).toEqual(['toys.fetch']);
  });

  it('goes on with the files that it has', async () => {
    const { server, dir, manifest } = await several();
    mkdirSync(join(`${dir}.fetch`, 'files'), { recursive: true });
    writeFileSync(join(`${dir}.fetch`, 'files', 'a.mat'), files['a.mat']);
    await fetchToys(manifest, dir);
    expect(server.requests.map(({ url }) => url)).toEqual(['/b.mat']);
    expect(readdirSync(dir).sort()).toEqual(['a.mat', 'b.mat']);
  });

  it('takes an empty folder, and none with other things in it', async () => {
    const { dir, manifest } = await several();
    mkdirSync(dir);
    await fetchToys(manifest, dir);
    expect(readdirSync(dir).sort()).toEqual(['a.mat', 'b.mat']);
    const other = join(newFolder(), 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'mine'), 'mine');
    expect(await userMessage(() => fetchToys(manifest, other))).toMatch(/is not empty.*choose a new one/);
    expect(readdirSync(other)).toEqual(['mine']);
  });

  it('refuses a part that there is not', async () => {
    const { dir, manifest } = await several();
    expect(await userMessage(() => fetchToys(manifest, dir, { parts: ['more'] }))).toBe(
      'toys has no part "more": expected one of extra',
    );
  });
});

it('is one process at a time', async () => {
  const { dir, manifest } = await toyServer();
  const results = await Promise.allSettled([fetchToys(manifest, dir), fetchToys(manifest, dir)]);
  expect(results[0]).toEqual({ status: 'fulfilled', value: 'fetched' });
  expect(String((results[1] as PromiseRejectedResult).reason)).toMatch(/another process is fetching it/);
  expectToys(dir);
});

it('says what to do where nothing can be downloaded', async () => {
  const manifest = { ...madeUp, byHand: 'register at example.org', downloads: [] };
  const dir = join(newFolder(), 'toys');
  expect(await userMessage(() => fetchToys(manifest, dir))).toBe('Toys: register at example.org');
  expect(existsSync(`${dir}.fetch`)).toBe(false);
});

describe('says what is wrong with a folder', () => {
  it('that is a file, or below one, or a link to nowhere', async () => {
    const { parent, manifest } = await toyServer();
    const file = join(parent, 'file');
    writeFileSync(file, '');
    expect(await userMessage(() => fetchToys(manifest, file))).toMatch(/\/file: is no folder/);
    expect(await userMessage(() => fetchToys(manifest, join(file, 'toys')))).toMatch(
      /\/file\/toys: a file is where/,
    );
    symlinkSync('/nowhere', join(parent, 'link'));
    expect(await userMessage(() => fetchToys(manifest, join(parent, 'link')))).toMatch(
      /is a link to nowhere/,
    );
  });

  it.skipIf(process.getuid?.() === 0)('that may not be written to', async () => {
    const { manifest } = await toyServer();
    const parent = join(newFolder(), 'sealed');
    mkdirSync(parent, { mode: 0o555 });
    expect(await userMessage(() => fetchToys(manifest, join(parent, 'toys')))).toMatch(
      /\/sealed\/toys: may not be written to: choose another folder/,
    );
  });

  it('on a full disk', async () => {
    const { server, dir, manifest } = await toyServer();
    mkdirSync(`${dir}.fetch`);
    const partial = join(`${dir}.fetch`, 'toys.tar.gz.part');
    symlinkSync('/dev/full', partial);
    writeFileSync(`${partial}.json`, JSON.stringify({ url: `${server.url}/toys.tar.gz`, etag: '"toys"' }));
    expect(await userMessage(() => fetchToys(manifest, dir))).toMatch(
      /\/toys: the disk is full: free some space and run it again, it goes on with what has come \(ENOSPC/,
    );
  });

  it('with less room than is needed, before anything is downloaded', async () => {
    const { server, dir, manifest } = await toyServer();
    const [download] = manifest.downloads;
    const huge = { ...manifest, downloads: [{ ...download!, bytes: 1e17 }] };
    expect(await userMessage(() => fetchToys(huge, dir))).toMatch(
      /100000000\.00 GB are needed and \d+\.\d\d GB are free there: free some, or choose/,
    );
    expect(server.requests).toHaveLength(0);
  });
});
