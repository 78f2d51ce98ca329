import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { askReader, describeReaders } from '../support/python.js';
import { trainedRun } from './run.js';

interface Read {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly dtypes: Readonly<Record<string, string>>;
  readonly metrics: readonly Readonly<Record<string, number | null>>[];
  readonly summary: object;
  readonly weights: Readonly<Record<string, readonly [dtype: string, shape: readonly number[], sum: number]>>;
  readonly metadata: Readonly<Record<string, string>>;
}

describeReaders('a run folder', () => {
  let parent: string;
  let folder: string;
  let read: Read;
  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), 'locallearn-readers-'));
    folder = await trainedRun(parent, '{ method: auglocal, blocks: 4, depth: 1 }');
    read = askReader('run_files.py', [folder]) as Read;
  });
  afterAll(() => rmSync(parent, { recursive: true }));

  it('is to TensorBoard’s event reader what metrics.csv has', () => {
    const epochs = readMetrics(join(folder, 'metrics.csv'));
    const updates = Object.keys(epochs[0]!.updateLosses);
    expect(updates).toEqual(['block 1', 'block 2', 'head']);
    const expected = {
      'accuracy/test': epochs.map((epoch) => epoch.evaluationAccuracy),
      'loss/test': epochs.map((epoch) => epoch.evaluationLoss),
      'loss/train': epochs.map((epoch) => epoch.trainLoss),
      learning_rate: epochs.map((epoch) => epoch.learningRate),
      'speed/images_per_second': epochs.map((epoch) => epoch.imagesPerSecond),
      'speed/train_seconds': epochs.map((epoch) => epoch.trainSeconds),
      'speed/evaluation_seconds': epochs.map((epoch) => epoch.evaluationSeconds),
      'speed/data_wait_seconds': epochs.map((epoch) => epoch.dataWaitSeconds),
      'memory_MB/peak': epochs.map((epoch) => epoch.peakMemoryBytes / 1e6),
      'memory_MB/reserved': epochs.map((epoch) => epoch.reservedMemoryBytes / 1e6),
      ...Object.fromEntries(
        updates.flatMap((name) => [
          [`update_loss/${name}`, epochs.map((epoch) => epoch.updateLosses[name]!)],
          [`update_accuracy/${name}`, epochs.map((epoch) => epoch.updateAccuracies[name]!)],
          [`update_memory_MB/${name}`, epochs.map((epoch) => epoch.updatePeakBytes[name]! / 1e6)],
        ]),
      ),
    };
    const points = Object.entries(expected).map(([tag, values]) => [
      tag,
      values.map((value, i) => [i + 1, Math.fround(value)]),
    ]);
    expect(read.scalars).toEqual(Object.fromEntries(points));
  });

  it('is to pandas a table of whole numbers and floats', () => {
    const whole = ['epoch', 'skippedImages', 'peakMemoryBytes', 'reservedMemoryBytes'];
    for (const [column, dtype] of Object.entries(read.dtypes)) {
      const isWhole = whole.includes(column) || column.startsWith('peak:');
      expect([column, dtype]).toEqual([column, isWhole ? 'int64' : 'float64']);
    }
    const epochs = readMetrics(join(folder, 'metrics.csv'));
    expect(read.metrics).toHaveLength(epochs.length);
    epochs.forEach((epoch, i) => {
      const row = read.metrics[i]!;
      expect(row['epoch']).toBe(epoch.epoch);
      expect(row['testAccuracy']).toBeCloseTo(epoch.evaluationAccuracy, 12);
      expect(row['trainLoss']).toBeCloseTo(epoch.trainLoss, 12);
      for (const [name, loss] of Object.entries(epoch.updateLosses)) {
        expect(row[`loss:${name}`]).toBeCloseTo(loss, 12);
      }
    });
  });

  it('is to Python’s json what it is here', () => {
    expect(read.summary).toEqual(JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')));
    expect(read.summary).toMatchObject({ status: 'finished', method: 'auglocal', epochs: 3 });
  });

  it('is to safetensors.torch.load_file every weight, with its metadata', () => {
    const { tensors, metadata } = readSafetensors(join(folder, 'weights.safetensors'));
    expect(read.metadata).toEqual(metadata);
    expect(Object.keys(read.weights).sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { shape, values }] of tensors) {
      const [dtype, readShape, sum] = read.weights[name]!;
      expect([name, dtype, readShape]).toEqual([
        ...[name, values instanceof BigInt64Array ? 'torch.int64' : 'torch.float32', shape],
      ]);
      expect(sum).toBeCloseTo(
        Array.from(values, Number).reduce((total, value) => total + value, 0),
        6,
      );
    }
  });
});
