import { execFileSync } from 'node:child_process';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FileSplit, ImageBatch } from '../../../src/data/dataset.js';
import {
  openLoader,
  type LoadedDataset,
  type Loader,
  type LoaderOptions,
} from '../../../src/data/loader/loader.js';
import { packPaths } from '../../../src/data/files/path-list.js';
import { randomStream } from '../../../src/core/random.js';
import { collect, userMessage } from '../helpers.js';

const count = 40;
const shape = [16, 16, 3] as const;
const dataset: LoadedDataset = {
  imageShape: shape,
  mean: [0.5, 0.5, 0.5],
  augmentation: { crop: { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] }, flip: true },
};
const skipping: LoadedDataset = { ...dataset, onBadImage: 'skip' };
const training: LoaderOptions = {
  batchSize: 7,
  seed: 3,
  shuffle: true,
  augment: true,
  dropLast: false,
  workers: 2,
  prefetch: 2,
};

let folder: string;
let paths: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-files-'));
  const random = randomStream(1, 'pictures');
  paths = [];
  for (let i = 0; i < count; i++) {
    const [width, height] = [20 + random.below(60), 20 + random.below(60)];
    const noise = Buffer.from(Uint8Array.from({ length: 27 }, () => random.below(256)));
    const path = join(folder, `picture ${i} [n=2] é.jpg`);
    await sharp(noise, { raw: { width: 3, height: 3, channels: 3 } })
      .resize(width, height, { fit: 'fill' })
      .jpeg()
      .toFile(path);
    paths.push(path);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const open: Loader[] = [];
function opened(
  options: Partial<LoaderOptions> = {},
  of = splitOf(paths),
  traits: LoadedDataset = dataset,
): Loader {
  const loader = openLoader(traits, of, { ...training, ...options });
  open.push(loader);
  return loader;
}
afterEach(async () => {
  for (const loader of open.splice(0)) await loader.close();
});

function splitOf(files: readonly string[]): FileSplit {
  const labels = Uint16Array.from(files, (_, i) => 300 + i);
  return { kind: 'files', size: files.length, paths: packPaths(files), labels };
}

/** A split with bad files at these places: missing, truncated and no image at all, in turn. */
function damaged(places: readonly number[]): FileSplit {
  const files = [...paths];
  for (const [n, place] of places.entries()) {
    const path = join(folder, `bad ${place}.jpg`);
    files[place] = path;
    if (n % 3 === 0) continue;
    writeFileSync(path, 'no image');
    if (n % 3 === 1) {
      writeFileSync(path, Buffer.from('ffd8ffe0001000', 'hex'));
      truncateSync(path, 5);
    }
  }
  return splitOf(files);
}

describe('batches of image files', () => {
  test.each([
    ['random-resized crops', dataset],
    [
      'padded crops',
      {
        ...dataset,
        augmentation: { crop: { kind: 'padded', pad: 2, padMode: 'reflect' }, flip: true },
      } as const,
    ],
    [
      'everything',
      {
        ...dataset,
        augmentation: {
          ...dataset.augmentation,
          colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
          randAugment: { operations: 2, magnitude: 9 },
          cutout: { size: 6 },
        },
      },
    ],
  ])('%s: the same bytes for 0, 1 and 3 workers, epoch after epoch', async (_, traits) => {
    const inline = opened({ workers: 0 }, undefined, traits);
    const epochs = [await collect(inline.batches(1)), await collect(inline.batches(2))];
    expect(epochs[0]!.map(({ size }) => size)).toEqual([7, 7, 7, 7, 7, 5]);
    expect(epochs[0]!.flatMap(({ labels }) => [...labels]).toSorted()).toEqual(paths.map((_, i) => 300 + i));
    expect(epochs[1]).not.toEqual(epochs[0]);
    for (const workers of [1, 3]) {
      const loader = opened({ workers }, undefined, traits);
      expect(await collect(loader.batches(1))).toEqual(epochs[0]);
      expect(await collect(loader.batches(2))).toEqual(epochs[1]);
    }
  });

  test.each([0, 1])(
    'transparent images show the data set’s background, white if none is named: %i workers',
    async (workers) => {
      const clear = join(folder, 'clear.png');
      await sharp({ create: { width: 24, height: 24, channels: 4, background: '#00000000' } })
        .png()
        .toFile(clear);
      const pixelsOn = async (traits: LoadedDataset, augment: boolean): Promise<number[]> => {
        const loader = opened({ workers, augment, batchSize: 1 }, splitOf([clear]), traits);
        return [...(await collect(loader.batches(1)))[0]!.images];
      };
      const padded: LoadedDataset = {
        ...dataset,
        augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: true },
      };
      for (const traits of [dataset, padded]) {
        for (const augment of [true, false]) {
          expect(new Set(await pixelsOn(traits, augment))).toEqual(new Set([255]));
          const named = await pixelsOn({ ...traits, background: [10, 20, 30] }, augment);
          expect(named).toEqual(Array.from({ length: 256 }, () => [10, 20, 30]).flat());
        }
      }
    },
  );

  test('a sample varies with seed, epoch and its index alone', async () => {
    const whole = await collect(opened({ batchSize: count, shuffle: false, workers: 0 }).batches(4));
    const small = await collect(opened({ batchSize: 3, shuffle: false }).batches(4));
    expect(Buffer.concat(small.map(({ images }) => images))).toEqual(Buffer.from(whole[0]!.images));
  });

  test('evaluation takes the middle: 224 of 256 where training crops at random, else all', async () => {
    const options = { augment: false, shuffle: false, batchSize: 1, workers: 0 };
    const first = async (traits: LoadedDataset): Promise<Buffer> =>
      Buffer.from((await collect(opened(options, splitOf(paths.slice(0, 1)), traits).batches(1)))[0]!.images);
    const padded: LoadedDataset = {
      ...dataset,
      augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false },
    };
    const { width, height } = await sharp(paths[0]).metadata();
    const expected = async (side: number): Promise<Buffer> => {
      const scale = side / Math.min(width, height);
      const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
      return sharp(paths[0])
        .resize(across, down, { fit: 'fill', kernel: 'linear' })
        .extract({ left: (across - 16) >> 1, top: (down - 16) >> 1, width: 16, height: 16 })
        .raw()
        .toBuffer();
    };
    expect(await first(dataset)).toEqual(await expected(18));
    expect(await first(padded)).toEqual(await expected(16));
  });

  test('an epoch broken off leaves the next one right', async () => {
    const expected = await collect(opened({ workers: 0 }).batches(2));
    for (const workers of [0, 2]) {
      const loader = opened({ workers });
      for (let round = 0; round < 5; round++) {
        const left = loader.batches(1)[Symbol.asyncIterator]();
        for (let i = 0; i < round; i++) await left.next();
        // Asked for and never waited for: its files are still being decoded when the next epoch begins.
        const late = left.next().then(
          () => 'a batch',
          (error: Error) => error.message,
        );
        expect(await collect(loader.batches(2))).toEqual(expected);
        expect(['a batch', 'another epoch has begun on this data loader']).toContain(await late);
      }
    }
  });
});

describe('bad images', () => {
  const bad = [5, 11, 12, 30];

  test.each([0, 1, 3])(
    'fail: the first one of the epoch, with its file and index (%i workers)',
    async (workers) => {
      const loader = opened({ workers }, damaged(bad));
      const order: number[] = [];
      for (const { labels } of await collect(opened({ workers: 0 }).batches(1))) order.push(...labels);
      const first = order.map((label) => label - 300).find((index) => bad.includes(index))!;
      const reasons = [
        'is missing',
        'is truncated: its JPEG data has no end',
        'is no JPEG, PNG, GIF, WebP, TIFF or AVIF image',
      ];
      const reason = reasons[bad.indexOf(first) % 3]!;
      const message = `${join(folder, `bad ${first}.jpg`)} (image ${first}) ${reason}: leave such files out with --set data.onBadImage=skip, or mend it and train anew`;
      expect(await userMessage(() => collect(loader.batches(1)))).toBe(message);
      expect(await userMessage(() => collect(loader.batches(1)))).toBe(message);
    },
  );

  test('skip: their batches go without them, the same for 0, 1 and 3 workers', async () => {
    const split = damaged(bad);
    const inline = await collect(opened({ workers: 0 }, split, skipping).batches(1));
    const skipped = inline.flatMap((batch) => batch.skipped);
    expect(skipped.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(bad);
    for (const { index, path } of skipped) expect(path).toBe(join(folder, `bad ${index}.jpg`));
    const whole = await collect(opened({ workers: 0 }).batches(1));
    inline.forEach((batch, step) => {
      const full = whole[step]!;
      const kept = [...full.labels.keys()].filter((i) => !bad.includes(full.labels[i]! - 300));
      expect(batch.size).toBe(kept.length);
      expect([...batch.labels]).toEqual(kept.map((i) => full.labels[i]));
      expect(Buffer.from(batch.images)).toEqual(
        Buffer.concat(kept.map((i) => full.images.subarray(i * 768, (i + 1) * 768))),
      );
    });
    for (const workers of [1, 3]) {
      const loader = opened({ workers }, split, skipping);
      for (let round = 0; round < 3; round++) expect(await collect(loader.batches(1))).toEqual(inline);
    }
  });

  test.each([0, 1])(
    'a whole batch, and a whole split, of bad images are batches of none (%i workers)',
    async (workers) => {
      const options = { workers, shuffle: false, batchSize: 10 };
      const ten = Array.from({ length: 10 }, (_, i) => 10 + i);
      const some = await collect(opened(options, damaged(ten), skipping).batches(1));
      expect(some.map(({ size, skipped }) => [size, skipped.length])).toEqual([
        [10, 0],
        [0, 10],
        [10, 0],
        [10, 0],
      ]);
      const all = await collect(opened(options, damaged(paths.map((_, i) => i)), skipping).batches(1));
      expect(all.map(({ size, images, labels }: ImageBatch) => [size, images.length, labels.length])).toEqual(
        Array(4).fill([0, 0, 0]),
      );
    },
  );

  test.each([0, 1])(
    'where asked for, an image that is alone in its batch goes with them (%i workers)',
    async (workers) => {
      const options = { workers, shuffle: false, batchSize: 10 };
      const allBut = (kept: readonly number[]): number[] =>
        Array.from({ length: 20 }, (_, i) => i).filter((i) => !kept.includes(i));
      const split = damaged(allBut([4, 11, 17]));
      const sizes = async (dropLone: boolean): Promise<number[][]> => {
        const batches = await collect(opened({ ...options, dropLone }, split, skipping).batches(1));
        return batches.map(({ size, skipped }) => [size, skipped.length]);
      };
      const whole = [10, 0];
      expect(await sizes(false)).toEqual([[1, 9], [2, 8], whole, whole]);
      expect(await sizes(true)).toEqual([[0, 10], [2, 8], whole, whole]);
      const [first] = await collect(opened({ ...options, dropLone: true }, split, skipping).batches(1));
      const reason = 'is alone in its batch, of which all other images are bad';
      expect(first!.skipped.at(-1)).toEqual({ index: 4, path: paths[4], reason, alone: true });
      // A batch that was never larger is no such batch.
      const single = opened({ ...options, batchSize: 1, dropLone: true }, split, skipping);
      const alone = await collect(single.batches(1));
      expect(alone.filter(({ size }) => size === 1)).toHaveLength(23);
    },
  );
});

describe('the process', () => {
  const dist = fileURLToPath(new URL('../../../dist/data/', import.meta.url));
  const run = (body: string): string =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { openLoader } from ${JSON.stringify(`${dist}loader/loader.js`)};
         import { packPaths } from ${JSON.stringify(`${dist}files/path-list.js`)};
         const dataset = ${JSON.stringify({ ...dataset, imageShape: [128, 128, 3] })};
         const files = ${JSON.stringify(paths)};
         const split = (size) => ({ kind: 'files', size, labels: new Uint16Array(size),
           paths: packPaths(Array.from({ length: size }, (_, i) => files[i % files.length])) });
         const options = { batchSize: 50, seed: 1, shuffle: true, augment: true, dropLast: true, workers: 2, prefetch: 2 };
         ${body}`,
      ],
      { encoding: 'utf8', timeout: 60_000, stdio: 'pipe' },
    );

  test('holds the batches at hand and the names of the files, and no more', () => {
    const printed = run(`
      const loader = openLoader(dataset, split(300_000), options);
      let first;
      let step = 0;
      for await (const batch of loader.batches(1)) {
        if (++step === 15) first = process.memoryUsage().rss;
        if (step === 55) break;
      }
      console.log((process.memoryUsage().rss - first) / 2 ** 20);`);
    // 40 batches of 50 images of 48 KiB are 94 MiB.
    expect(Number(printed)).toBeLessThan(50);
  });

  test('ends in the middle of decoding, closed or not', () => {
    const body = `for (let i = 0; i < 6; i++) {
        const loader = openLoader(dataset, split(2000), { ...options, batchSize: 10 });
        const iterator = loader.batches(1)[Symbol.asyncIterator]();
        for (let step = 0; step < i; step++) await iterator.next();
        iterator.next().catch(() => {});
        if (i < 5) await loader.close();
      }
      console.log('done');
      setTimeout(() => process.exit(0), 20);`;
    expect(run(body)).toBe('done\n');
  });
});
