import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEventFile } from '../../../src/runs/tensorboard/event-file.js';
import { epochMetrics } from '../helpers.js';
import { readEvents, readPoints } from './reader.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'locallearn-events-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const onTest = { evaluatedOn: 'test' } as const;
const start = Date.UTC(2026, 0, 1);
const epochs = Array.from({ length: 4 }, (_, i) => ({
  ...epochMetrics(i + 1),
  evaluationAccuracy: (i + 1) / 8,
  updateLosses: { 'block 1': 2.1, 'cascade 2–3': 1.7 },
  updateAccuracies: { 'block 1': 0.375 },
  updatePeakBytes: { 'block 1': 3e8, 'cascade 2–3': 4e8 },
}));

describe('an event file', () => {
  it('has a point an epoch of every figure, on disk as soon as it is written', () => {
    const file = openEventFile(folder, [], onTest, () => start);
    file.write(epochs[0]!);
    file.write(epochs[1]!);
    const [version, session, first] = readEvents(file.path);
    expect(version).toEqual({ wall_time: start / 1000, file_version: 'brain.Event:2' });
    expect(readFileSync(file.path).subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
    expect(session).toMatchObject({ step: 1, session_log: { status: 1 } });
    expect(first).toMatchObject({ step: 1, wall_time: start / 1000 });
    const points = readPoints([file.path]);
    expect(points.get('accuracy/test')).toEqual([
      [1, 0.125],
      [2, 0.25],
    ]);
    const { updateLosses, updatePeakBytes, peakMemoryBytes } = epochs[0]!;
    expect(points.get('update_loss/cascade 2–3')?.[0]).toEqual([1, Math.fround(updateLosses['cascade 2–3'])]);
    expect(points.get('update_accuracy/block 1')?.[0]).toEqual([1, 0.375]);
    expect(points.get('update_memory_MB/block 1')?.[0]?.[1]).toBeCloseTo(updatePeakBytes['block 1'] / 1e6, 3);
    expect(points.get('memory_MB/peak')?.[0]?.[1]).toBeCloseTo(peakMemoryBytes / 1e6, 3);
    expect([...points.keys()]).toEqual(
      expect.arrayContaining([
        'learning_rate',
        'loss/train',
        'loss/test',
        'memory_MB/reserved',
        'speed/images_per_second',
      ]),
    );
    file.close();
  });

  it('says that accuracy is on validation images where it is, and carries losses that are no numbers', () => {
    const file = openEventFile(folder, [], { evaluatedOn: 'validation' });
    file.write({ ...epochs[0]!, evaluationLoss: Number.NaN });
    file.close();
    const points = readPoints([file.path]);
    expect(points.get('accuracy/validation')).toEqual([[1, 0.125]]);
    expect(points.get('loss/validation')).toEqual([[1, Number.NaN]]);
    expect(points.has('accuracy/test')).toBe(false);
  });

  it('of a resumed run replaces what the older one has beyond the resumed epoch', () => {
    const killed = openEventFile(folder, [], onTest, () => start);
    for (const epoch of epochs.slice(0, 3)) killed.write(epoch);
    killed.close();
    // Killed in its last write, and resumed within the same second.
    truncateSync(killed.path, readFileSync(killed.path).length - 7);
    const resumed = openEventFile(folder, epochs.slice(0, 1), onTest, () => start);
    for (const epoch of epochs.slice(1)) resumed.write({ ...epoch, evaluationAccuracy: 1 });
    resumed.close();
    expect(resumed.path > killed.path).toBe(true);
    expect(readPoints([resumed.path, killed.path]).get('accuracy/test')).toEqual([
      [1, 0.125],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });

  it('of a run resumed without an older one has the finished epochs too', () => {
    const file = openEventFile(folder, epochs.slice(0, 2), onTest);
    file.write(epochs[2]!);
    file.close();
    expect(
      readPoints([file.path])
        .get('accuracy/test')
        ?.map(([step]) => step),
    ).toEqual([1, 2, 3]);
  });
});
