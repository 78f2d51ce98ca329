import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLoader } from '../../dist/data/loader/loader.js';
import { publishedNames } from '../../dist/parity/published-names.js';
import { networkState, toTorch, writeSafetensors } from '../../dist/index.js';

/**
 * Writes what a run of ours starts from, for train.py to start from the same: the parameters under their published
 * names, and the batches of all epochs, mirrored as ours are, one after another.
 */
export async function writeStart(folder, method, strategy, dataset, { seed, epochs, batch }) {
  const nameOf = publishedNames(method, strategy);
  const parameters = [...networkState(strategy.network), ...strategy.auxiliary];
  const initial = join(folder, 'initial.safetensors');
  writeSafetensors(
    initial,
    new Map(
      parameters
        .filter(({ name }) => !name.includes('running_'))
        .map((parameter) => [nameOf(parameter.name), toTorch(parameter)]),
    ),
  );
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
