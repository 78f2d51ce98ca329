import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { createPaddedCrop } from '../../../src/data/augment/padded-crop.js';
import type { Split } from '../../../src/data/dataset.js';
import type { LoadedDataset, Loader, LoaderOptions } from '../../../src/data/loader/loader.js';
import { openLoader } from '../../../src/data/loader/loader.js';
import { randomStream } from '../../../src/core/random.js';
import { collect, indexOf, noiseSplit, userMessage } from '../helpers.js';

const shape = [8, 8, 3] as const;
const split = noiseSplit(1000, 192);

const traits: LoadedDataset = {
  imageShape: shape,
  mean: [0.5, 0.5, 0.5],
  augmentation: { crop: { kind: 'padded', pad: 2, padMode: 'reflect' }, flip: true },
};
const training: LoaderOptions = {
  batchSize: 64,
  seed: 5,
  shuffle: true,
  augment: true,
  dropLast: true,
  workers: 2,
  prefetch: 3,
};
const evaluation: LoaderOptions = { ...training, shuffle: false, augment: false, dropLast: false };

const open: Loader[] = [];
function opened(options: Partial<LoaderOptions> = {}, of: Split = split, dataset = traits): Loader {
  const loader = openLoader(dataset, of, { ...training, ...options });
  open.push(loader);
  return loader;
}
afterEach(async () => {
  for (const loader of open.splice(0)) await loader.close();
});

test('batches that no memory holds say so, how much they are and what to do', async () => {
  const message = await userMessage(() => openLoader(traits, split, { ...training, prefetch: 1e12 }));
  expect(message).toBe(
    `loading batches: out of memory: ${(1e12 + 1) * 64 * 192} bytes asked for; lower train.batchSize, or free memory on this machine`,
  );
});

describe('what the batches are', () => {
  test('the same bytes for 0, 1, 2 and 3 workers and any prefetch, epoch after epoch', async () => {
    const inline = opened({ workers: 0 });
    const epochs = [await collect(inline.batches(1)), await collect(inline.batches(2))];
    expect(epochs[0]).toHaveLength(15);
    for (const [workers, prefetch] of [
      [1, 1],
      [2, 3],
      [3, 20],
    ] as const) {
      const loader = opened({ workers, prefetch });
      expect(await collect(loader.batches(1))).toEqual(epochs[0]);
      expect(await collect(loader.batches(2))).toEqual(epochs[1]);
    }
  });

  test.each([0, 2])(
    'shares of a batch are together what it is, image by image: %i workers',
    async (workers) => {
      const whole = await collect(opened({ dropLast: false }).batches(2));
      const parts = await Promise.all(
        [0, 1, 2].map((index) =>
          collect(opened({ dropLast: false, workers, share: { index, of: 3 } }).batches(2)),
        ),
      );
      expect(whole.map(({ size }) => size)).toEqual([...Array<number>(15).fill(64), 40]);
      expect(parts.map((part) => part.at(-1)!.size)).toEqual([13, 13, 14]);
      whole.forEach((batch, step) => {
        const own = parts.map((part) => part[step]!);
        expect(own.flatMap(({ images }) => [...images])).toEqual([...batch.images]);
        expect(own.flatMap(({ labels }) => [...labels])).toEqual([...batch.labels]);
      });
    },
  );

  test.each([0, 2])('a last batch of one image is left out where asked for: %i workers', async (workers) => {
    const keep = { dropLast: false, batchSize: 333, workers };
    const sizes = async (options: Partial<LoaderOptions>): Promise<[number, number, number[]]> => {
      const loader = opened({ ...keep, ...options });
      const batches = await collect(loader.batches(1));
      return [loader.steps, loader.leftOut, batches.map(({ size }) => size)];
    };
    expect(await sizes({})).toEqual([4, 0, [333, 333, 333, 1]]);
    expect(await sizes({ dropLone: true })).toEqual([3, 1, [333, 333, 333]]);
    expect(await sizes({ dropLone: true, batchSize: 332 })).toEqual([4, 0, [332, 332, 332, 4]]);
    expect(await sizes({ dropLone: true, batchSize: 1000 })).toEqual([1, 0, [1000]]);
  });

  test('a sample varies with seed, epoch and its index alone: not with the batch size or the order', async () => {
    const whole = await collect(opened({ batchSize: 1000, shuffle: false, workers: 0 }).batches(4));
    const small = await collect(opened({ batchSize: 50, shuffle: false }).batches(4));
    expect(Buffer.concat(small.map((batch) => batch.images))).toEqual(Buffer.from(whole[0]!.images));
    const augment = createPaddedCrop({ kind: 'padded', pad: 2, padMode: 'reflect' }, true, shape);
    const expected = new Uint8Array(192);
    augment(randomStream(5, 'data', 'augment', 4, 321), split.images, 321 * 192, expected, 0);
    expect(whole[0]!.images.subarray(321 * 192, 322 * 192)).toEqual(expected);
  });

  test('epochs and seeds differ, the same seed gives the same', async () => {
    const [first, second] = [opened(), opened()];
    const epoch = await collect(first.batches(1));
    expect(await collect(second.batches(1))).toEqual(epoch);
    expect(await collect(second.batches(2))).not.toEqual(epoch);
    expect(await collect(opened({ seed: 6 }).batches(1))).not.toEqual(epoch);
    const fixed = opened({ shuffle: false });
    expect(await collect(fixed.batches(1))).not.toEqual(await collect(fixed.batches(2)));
  });

  test.each([0, 2])(
    'each sample once an epoch, with its label, in an order of its own (%i workers)',
    async (workers) => {
      const loader = opened({ augment: false, dropLast: false, workers });
      const orders: number[][] = [];
      for (const epoch of [1, 2]) {
        const indices: number[] = [];
        for await (const batch of loader.batches(epoch)) {
          for (let i = 0; i < batch.size; i++) {
            const index = indexOf(batch, i);
            expect(batch.labels[i]).toBe(index % 10);
            indices.push(index);
          }
        }
        orders.push(indices);
      }
      const all = Array.from({ length: 1000 }, (_, i) => i);
      expect(orders[0]).not.toEqual(orders[1]);
      expect(orders[0]).not.toEqual(all);
      for (const order of orders) expect(order.toSorted((a, b) => a - b)).toEqual(all);
    },
  );

  test.each([0, 1, 2])(
    'evaluation gives the split as it is, its last batch short (%i workers)',
    async (workers) => {
      const loader = opened({ ...evaluation, workers });
      expect(loader.steps).toBe(16);
      const batches = await collect(loader.batches(1));
      expect(batches.map((batch) => batch.size)).toEqual([...Array<number>(15).fill(64), 40]);
      expect(Buffer.concat(batches.map((batch) => batch.images)).equals(split.images)).toBe(true);
      expect(batches.flatMap((batch) => [...batch.labels])).toEqual([...split.labels]);
    },
  );

  test('an evaluation batch larger than the split is the whole split', async () => {
    const loader = opened({ ...evaluation, batchSize: 4096 });
    expect((await collect(loader.batches(1))).map((batch) => batch.size)).toEqual([1000]);
  });

  test('a split outside shared memory is read as well', async () => {
    const plain = {
      kind: 'memory' as const,
      size: 1000,
      images: Uint8Array.from(split.images),
      labels: Uint16Array.from(split.labels),
    };
    expect(await collect(opened({}, plain).batches(1))).toEqual(await collect(opened().batches(1)));
  });

  test('a batch stays as it is until the next one is asked for', async () => {
    const loader = opened({ ...evaluation, workers: 3, prefetch: 1 });
    let step = 0;
    for await (const batch of loader.batches(1)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(indexOf(batch, 0)).toBe(64 * step);
      expect(indexOf(batch, batch.size - 1)).toBe(64 * step + batch.size - 1);
      step++;
    }
    expect(step).toBe(16);
  });
});

describe('while it goes on', () => {
  test('workers prepare batches while the main thread is blocked', async () => {
    const iterator = opened({ prefetch: 5 }).batches(1)[Symbol.asyncIterator]();
    await iterator.next();
    // Longer where a busy machine's workers were not done.
    const untouched = [];
    for (const patience of [100, 1000, 10_000]) {
      // Blocks as native code does: no event is handled meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, patience);
      let events = 0;
      setImmediate(() => events++);
      for (let i = 0; i < 5; i++) expect((await iterator.next()).done).toBe(false);
      untouched.push(events === 0);
      if (events === 0) break;
    }
    expect(untouched).toContain(true);
    await iterator.return?.();
  });

  test.each([0, 1, 3])('a break or a throw leaves the next epoch right (%i workers)', async (workers) => {
    const expected = await collect(opened({ workers: 0 }).batches(2));
    const loader = opened({ workers });
    for (let round = 0; round < 20; round++) {
      let seen = 0;
      for await (const batch of loader.batches(1)) {
        seen += batch.size;
        if (seen >= 64 * (round % 4)) break;
      }
      expect(seen).toBe(64 * Math.max(1, round % 4));
    }
    const thrown = async (): Promise<void> => {
      for await (const batch of loader.batches(1)) throw new Error(`stop at ${batch.size}`);
    };
    await expect(thrown()).rejects.toThrow('stop at 64');
    expect(await collect(loader.batches(2))).toEqual(expected);
  });

  test.each([0, 2])('an epoch left without a word gives way to the next (%i workers)', async (workers) => {
    const expected = await collect(opened({ workers: 0 }).batches(2));
    const loader = opened({ workers });
    const left = loader.batches(1)[Symbol.asyncIterator]();
    await left.next();
    expect(await collect(loader.batches(2))).toEqual(expected);
    await expect(left.next()).rejects.toThrow('another epoch has begun');
    expect(await collect(loader.batches(2))).toEqual(expected);
  });

  test.each([0, 2])(
    'after close() there are no more batches, and closing twice is fine (%i workers)',
    async (workers) => {
      const loader = opened({ workers });
      const iterator = loader.batches(1)[Symbol.asyncIterator]();
      await iterator.next();
      await loader.close();
      await loader.close();
      await expect(iterator.next()).rejects.toThrow('the data loader is closed');
      await expect(collect(loader.batches(2))).rejects.toThrow('the data loader is closed');
    },
  );

  test('close() ends a wait for a batch', async () => {
    const loader = opened();
    const refusal = expect(collect(loader.batches(1))).rejects.toThrow('the data loader is closed');
    await loader.close();
    await refusal;
  });
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
         import { emptySplit } from ${JSON.stringify(`${dist}split.js`)};
         const traits = { imageShape: [4, 4, 3], mean: [0, 0, 0],
           augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false } };
         const loader = openLoader(traits, emptySplit(100, 48), { batchSize: 10, seed: 1,
           shuffle: true, augment: false, dropLast: true, workers: 2, prefetch: 2 });
         ${body}`,
      ],
      { encoding: 'utf8', timeout: 20_000, stdio: 'pipe' },
    );

  test('lives as long as a batch is waited for', () => {
    expect(run('let n = 0; for await (const b of loader.batches(1)) n += b.size; console.log(n);')).toBe(
      '100\n',
    );
  });

  test('is not kept alive by workers, idle or ahead', () => {
    expect(run('console.log("idle");')).toBe('idle\n');
    expect(run('for await (const b of loader.batches(1)) break; console.log("left");')).toBe('left\n');
    expect(run('await loader.batches(1)[Symbol.asyncIterator]().next(); console.log("ahead");')).toBe(
      'ahead\n',
    );
  });

  test('outlives close(), also with a batch still asked for', () => {
    // A worker's late message used to let the process go before the workers had ended, about once in fifty.
    const body = `await loader.close();
      for (let i = 0; i < 40; i++) {
        const again = openLoader(traits, emptySplit(100, 48), { batchSize: 1, seed: 1,
          shuffle: true, augment: false, dropLast: true, workers: 2, prefetch: 1 });
        const iterator = again.batches(1)[Symbol.asyncIterator]();
        for (let step = 0; step < 30; step++) await iterator.next();
        iterator.next().catch(() => {});
        await again.close();
      }
      console.log("closed");`;
    expect(run(body)).toBe('closed\n');
  });

  test('ends with an uncaught error', () => {
    const failing = (): string =>
      run('for await (const b of loader.batches(1)) throw new Error("uncaught");');
    expect(failing).toThrow(/uncaught/);
  });
});

describe('refused', () => {
  test.each([
    [{ batchSize: 1001 }, 'batchSize: a batch of 1001 is larger than the data set, 1000 images'],
    [{ batchSize: 0 }, 'batchSize: expected a whole number from 1, found 0'],
    [{ workers: -1 }, 'workers: expected a whole number from 0, found -1'],
    [{ prefetch: 0 }, 'prefetch: expected a whole number from 1, found 0'],
  ])('%j', async (options, message) => {
    expect(await userMessage(() => opened(options))).toContain(message);
  });

  test.each([
    [{ imageShape: [8, 9, 3] as const }, '1000 labels, not 1000 of each'],
    [
      {
        augmentation: { crop: { kind: 'padded' as const, pad: 8, padMode: 'reflect' as const }, flip: true },
      },
      '8 pixels cannot be reflected',
    ],
  ])('a data set with %j', async (changes, message) => {
    expect(await userMessage(() => opened({}, split, { ...traits, ...changes }))).toContain(message);
  });
});
