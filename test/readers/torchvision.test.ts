import tf = require('@tensorflow/tfjs');
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  cases,
  changedValues,
  classes,
  imageValues,
  isChanged,
} from '../../experiments/torchvision/cases.mjs';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js';
import { buildNetwork } from '../../src/networks/build.js';
import { networkWeights } from '../../src/networks/export.js';
import { loadWeights } from '../../src/networks/import.js';
import { disposeNetwork, networkForward, networkState } from '../../src/networks/network.js';
import { networkOptionsSchema } from '../../src/networks/options.js';
import { setFromTorch, toTorch } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { askReader, describeReaders } from '../support/python.js';

/** One of each kind of block and more; of VGGs one, as another is 500 MB of the same. The largest are no sample's first. */
const asked = ['resnet18', 'vgg13_bn', 'resnext101_32x8d', 'vit', 'resnet50'];
const batch = 2;

type Logits = readonly (readonly number[])[];

describeReaders('current torchvision', () => {
  let folder: string;
  beforeAll(async () => void (await startEngine()));
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'locallearn-torchvision-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each(sampleOf(asked, 3))('%s takes our weights strictly, and gives its own, to equal logits', (name) => {
    const { size, ...each } = { ...cases[name]!, size: name === 'vit' ? 64 : 48 };
    const shape = [batch, 3, size, size] as const;
    const values = imageValues({ ...each, size, batch });
    const [ours, images, theirs] = ['ours', 'images', 'theirs'].map((file) =>
      join(folder, `${file}.safetensors`),
    ) as [string, string, string];
    const network = buildNetwork(networkOptionsSchema.parse(each.network), {
      ...{ classes, imageShape: [size, size, 3], seed: 1 },
    });
    const logits = (): Logits =>
      tf.tidy(() => {
        const x = tf.transpose(tf.tensor4d(values, [...shape]), [0, 2, 3, 1]);
        return networkForward(network, x, evaluationMode).arraySync();
      });
    for (const parameter of networkState(network)) {
      if (!isChanged(parameter.name, parameter.variable.shape)) continue;
      const { shape, values } = toTorch(parameter);
      setFromTorch(parameter, { shape, values: changedValues(cases[name]!, parameter.name, values) });
    }
    writeSafetensors(ours, networkWeights(network));
    writeSafetensors(images, new Map([['images', { shape, values }]]));
    const asks = [name, String(size), ours, images, theirs];
    const told = askReader('torchvision_logits.py', asks) as { ours: Logits; theirs: Logits };
    expectEqual(logits(), told.ours);
    loadWeights(network, readSafetensors(theirs).tensors, theirs);
    expectEqual(logits(), told.theirs);
    disposeNetwork(network);
  });
});

/** To 1e-5 of the largest: both round, in another order. */
function expectEqual(found: Logits, expected: Logits): void {
  const largest = Math.max(...expected.flat().map(Math.abs));
  const differences = expected.flatMap((row, i) => row.map((logit, k) => Math.abs(logit - found[i]![k]!)));
  expect(differences).toHaveLength(batch * classes);
  expect(Number.isFinite(largest)).toBe(true);
  expect(Math.max(...differences) / largest).toBeLessThan(1e-5);
}
