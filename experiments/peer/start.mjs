import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLoader } from '../../dist/data/loader/loader.js';
import { publishedMethods } from '../../dist/parity/published/all.js';
import { networkState, toTorch, writeSafetensors } from '../../dist/index.js';

/** The method as its published code runs it. */
const publishedOf = (method) => publishedMethods.find(({ name }) => name === method);

/** Writes a strategy's parameters under their published names, for a program of PyTorch to start from the same. */
export function writeParameters(path, method, strategy) {
  const nameOf = publishedOf(method).names(strategy);
  const parameters = [...networkState(strategy.network), ...strategy.auxiliary];
  writeSafetensors(
    path,
    new Map(
      parameters
        .filter(({ name }) => !name.includes('running_'))
        .map((parameter) => [nameOf(parameter.name), toTorch(parameter)]),
    ),
  );
}

/** What the published code's backward passes lose, in their order, from the losses of our updates. */
export function publishedLosses(method, strategy, losses) {
  const { backwardCalls } = publishedOf(method);
  return backwardCalls === undefined ? losses : backwardCalls(losses, strategy.network);
}

/**
 * Writes what a run of ours starts from, for train.py to start from the same: the parameters, and the batches of all
 * epochs, mirrored as ours are, one after another.
 */
export async function writeStart(folder, method, strategy, dataset, { seed, epochs, batch }) {
  const initial = join(folder, 'initial.safetensors');
  writeParameters(initial, method, strategy);
  const options = { batchSize: batch, seed, shuffle: true, augment: true, dropLast: true };
  const loader = openLoader(dataset, dataset.train, { ...options, workers: 0, prefetch: 1 });
  const [images, labels] = [[], []];
  for (let epoch = 1; epoch <= epochs; epoch++)
    for await (const each of loader.batches(epoch)) {
      images.push(each.images.slice());
      labels.push(Uint8Array.from(each.labels));
    }
  await loader.close();
  const batches = { images: join(folder, 'batches.images'), labels: join(folder, 'batches.labels') };
  writeFileSync(batches.images, Buffer.concat(images));
  writeFileSync(batches.labels, Buffer.concat(labels));
  return { initial, batches };
}
