import { checkpointsOf } from '../../../src/formats/checkpoint-names.js';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDataset } from '../../../src/data/registry.js';
import { evaluationMode } from '../../../src/engine/fused/ops.js';
import { networkWeights } from '../../../src/networks/export.js';
import { readCheckpoint } from '../../../src/runs/checkpoint/file.js';
import { exportRun } from '../../../src/runs/export.js';
import { loadTrainedNetwork } from '../../../src/runs/trained-network.js';
import type { WhichWeights } from '../../../src/runs/which-weights.js';
import { createBatch } from '../../../src/local/batch.js';
import { networkForward } from '../../../src/networks/network.js';
import { readSafetensors } from '../../../src/formats/safetensors.js';
import { startEngine } from '../../support/engine.js';
import { InferenceSession, Tensor } from '../../support/onnxruntime.js';
import { tinyConfig, writeFashionMnist } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
let runFolder: string;
const images = 16;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-export-'));
  const data = join(folder, 'data');
  writeFashionMnist(data);
  const config = join(folder, 'config.yaml');
  // Its network has contexts, which only the strategy adds.
  writeFileSync(config, tinyConfig(data, 'method: { method: contsup, blocks: 3, context: R2 }'));
  const out = join(folder, 'runs');
  expect(await run(['train', config, '--quiet', '--out', out])).toMatchObject({ code: 0 });
  runFolder = join(out, readdirSync(out)[0]!);
  await startEngine();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('export', () => {
  it('writes an ONNX model that gives the same logits for real images', async () => {
    const out = join(folder, 'network.onnx');
    const { code, stdout } = await run(['export', runFolder, '--format', 'onnx', '--out', out, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ file: out, format: 'onnx', bytes: statSync(out).size });

    const dataset = await loadDataset({ name: 'fashion-mnist', dir: join(folder, 'data') }, 1);
    const [height, width, channels] = dataset.imageShape;
    const { network, use, dispose } = await loadTrainedNetwork(runFolder);
    expect(network.units.some(({ context }) => context !== undefined)).toBe(true);
    expect(use).toEqual({
      classes: dataset.classes,
      imageShape: dataset.imageShape,
      mean: dataset.mean,
      std: dataset.std,
      reading: { crop: 'padded', border: 2, background: [255, 255, 255] },
    });
    const [own, normalised] = tf.tidy(() => {
      const bytes = (dataset.test as { images: Uint8Array }).images.subarray(
        0,
        images * height * width * channels,
      );
      const labels = dataset.test.labels.subarray(0, images);
      const batch = createBatch(bytes, labels, dataset.imageShape, 10, dataset);
      const logits = networkForward(network, batch.images, evaluationMode);
      return [logits, tf.transpose(batch.images, [0, 3, 1, 2])].map((x) => x.dataSync());
    }) as unknown as [Float32Array, Float32Array];
    const session = await InferenceSession.create(out);
    const feeds = { images: new Tensor('float32', normalised, [images, channels, height, width]) };
    const found = (await session.run(feeds))['logits']!.data as Float32Array;
    const largest = Math.max(...own.map(Math.abs));
    expect(Math.max(...own.map((value, i) => Math.abs(value - found[i]!))) / largest).toBeLessThan(1e-4);
    dispose();
  });

  it('writes safetensors that are the weights', async () => {
    const { code, stdout } = await run(['export', runFolder, '--format', 'safetensors']);
    const out = join(runFolder, 'model.safetensors');
    expect({ code, line: stdout.startsWith(`safetensors: ${out} (`) }).toEqual({ code: 0, line: true });
    expect(readFileSync(out)).toEqual(readFileSync(join(runFolder, 'weights.safetensors')));
    expect(readSafetensors(out).metadata['imageShape']).toBe('[32,32,1]');
  });

  it('says what is missing', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const failures: [string[], number, RegExp][] = [
      [[empty, '--format', 'onnx'], 1, /^error: .*empty: not a run folder: it has no config\.yaml$/m],
      [[runFolder], 2, /^error: Missing required argument: format$/m],
      [
        [runFolder, '--format', 'onnx', '--out', join(folder, 'no', 'x.onnx')],
        1,
        /^error: .*cannot write the export/m,
      ],
    ];
    for (const [args, exitCode, message] of failures) {
      const { code, stderr } = await run(['export', ...args]);
      expect(stderr).toMatch(message);
      expect(code).toBe(exitCode);
    }
  });

  it('takes the averages that a run evaluated, or what they are averages of', async () => {
    const out = join(folder, 'averaged');
    const changes = ['--set', 'train.ema.decay=0.8', '--set', 'train.epochs=1'];
    const config = join(folder, 'config.yaml');
    expect(await run(['train', config, ...changes, '--quiet', '--out', out])).toMatchObject({ code: 0 });
    const averagedRun = join(out, readdirSync(out)[0]!);
    const summary = JSON.parse(readFileSync(join(averagedRun, 'summary.json'), 'utf8')) as object;
    expect(summary).toMatchObject({ weights: 'averaged' });
    expect(readFileSync(join(averagedRun, 'metrics.csv'), 'utf8')).toContain(',testAccuracyAveraged,');
    const exported = async (weights: WhichWeights | undefined) => {
      const path = join(folder, `${weights}.safetensors`);
      await exportRun(averagedRun, 'safetensors', path, weights);
      return readSafetensors(path);
    };
    const usual = await exported(undefined);
    const { tensors } = readCheckpoint(checkpointsOf(averagedRun), { epochs: 1, batches: 0 }).state;
    expect(usual.tensors.get('conv1.weight')).toEqual(tensors.get('average/network/conv1.weight'));
    expect(await exported('averaged')).toEqual(usual);
    const trained = await exported('trained');
    expect([...trained.tensors.keys()]).toEqual([...usual.tensors.keys()]);
    expect(trained.tensors.get('conv1.weight')).toEqual(tensors.get('network/conv1.weight'));
    expect(trained.tensors.get('conv1.weight')).not.toEqual(usual.tensors.get('conv1.weight'));
    const tracked = 'bn1.num_batches_tracked';
    expect(trained.tensors.get(tracked)).toEqual(usual.tensors.get(tracked));
    expect([usual, trained].map(({ metadata }) => metadata['weights'])).toEqual(['averaged', undefined]);
    const { network, weights, dispose } = await loadTrainedNetwork(averagedRun, 'trained');
    expect(networkWeights(network).get('conv1.weight')).toEqual(trained.tensors.get('conv1.weight'));
    expect(weights).toBeUndefined();
    dispose();

    const plain = join(folder, 'plain.safetensors');
    await exportRun(runFolder, 'safetensors', plain, 'trained');
    expect(readSafetensors(plain)).toEqual(readSafetensors(join(runFolder, 'weights.safetensors')));
    const args = ['export', runFolder, '--format', 'safetensors', '--weights', 'averaged', '--out', plain];
    const { code, stderr } = await run(args);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: ${runFolder}: has no averaged weights: it was trained without train.ema\n`,
    });
  });

  it('refuses weights of another network than the config names', async () => {
    const other = join(folder, 'other');
    cpSync(runFolder, other, { recursive: true });
    const config = readFileSync(join(runFolder, 'config.yaml'), 'utf8');
    const changes: [string, string, RegExp][] = [
      [
        'layers: 8',
        'layers: 14',
        /weights\.safetensors: not the weights of this resnet-14: layer1\.1\.\S+ is missing/,
      ],
      [
        'blocks: 3',
        'blocks: 2',
        /weights\.safetensors: not the weights of this resnet-8: .*they belong to another config/,
      ],
      ['blocks: 3', 'blocks: 9', /blocks: 9 is more than the/],
      ['name: resnet\n', 'name: resnet-imagenet\n', /network\.layers|not the weights of this/],
    ];
    for (const [from, to, message] of changes) {
      expect(config).toContain(from);
      writeFileSync(join(other, 'config.yaml'), config.replace(from, to));
      await expect(loadTrainedNetwork(other)).rejects.toThrow(message);
      for (const command of [
        ['export', other, '--format', 'onnx'],
        ['probe', other],
      ]) {
        const { code, stderr } = await run(command);
        expect({ code, lines: stderr.trimEnd().split('\n').length }).toEqual({ code: 1, lines: 1 });
        expect(stderr).toMatch(message);
      }
    }
  });
});
