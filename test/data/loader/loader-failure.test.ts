import type { Worker, WorkerOptions } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { openLoader, type LoadedDataset } from '../../../src/data/loader/loader.js';
import { collect, noiseSplit, userMessage } from '../helpers.js';

const started = vi.hoisted(() => ({ workers: [] as Worker[], source: undefined as string | undefined }));

vi.mock('node:worker_threads', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:worker_threads')>();
  class WatchedWorker extends original.Worker {
    constructor(file: URL, options: WorkerOptions) {
      const replaced = started.source !== undefined && started.workers.length === 1;
      super(replaced ? new URL(`data:text/javascript,${started.source}`) : file, options);
      started.workers.push(this);
    }
  }
  return { ...original, Worker: WatchedWorker };
});

afterEach(() => {
  started.workers.length = 0;
  started.source = undefined;
});

const traits: LoadedDataset = {
  imageShape: [4, 4, 3],
  mean: [0, 0, 0],
  augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false },
};

function open(): ReturnType<typeof openLoader> {
  return openLoader(traits, noiseSplit(100, 48), {
    batchSize: 10,
    seed: 1,
    shuffle: true,
    augment: false,
    dropLast: true,
    workers: 2,
    prefetch: 2,
  });
}

test('an exception in a worker reaches whoever waits for a batch', async () => {
  started.source = `throw new Error('no ink')`;
  const loader = open();
  const epochs = async (): Promise<void> => {
    for (let epoch = 1; ; epoch++) await collect(loader.batches(epoch));
  };
  await expect(epochs()).rejects.toThrow('data worker 1 failed: no ink');
  await expect(collect(loader.batches(9))).rejects.toThrow('data worker 1 failed: no ink');
  await loader.close();
});

test('what the user can mend stays a user error on its way from a worker', async () => {
  started.source = `throw Object.assign(new Error('too wide'), { name: 'UserError' })`;
  const loader = open();
  const epochs = async (): Promise<void> => {
    for (let epoch = 1; ; epoch++) await collect(loader.batches(epoch));
  };
  expect(await userMessage(epochs)).toBe('too wide');
  await loader.close();
});

test('a worker that stops in the middle of an epoch is missed, and none is left after close()', async () => {
  const loader = open();
  const iterator = loader.batches(1)[Symbol.asyncIterator]();
  await iterator.next();
  await started.workers[0]!.terminate();
  const rest = async (): Promise<void> => {
    while ((await iterator.next()).done !== true);
  };
  await expect(rest()).rejects.toThrow(/^data worker 0 stopped with exit code \d$/);
  await loader.close();
  expect(started.workers.map((worker) => worker.threadId)).toEqual([-1, -1]);
});
