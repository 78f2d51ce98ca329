import { listCheckpoints } from '../../../src/formats/checkpoint-names.js';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeCheckpoint } from '../../../src/runs/checkpoint/file.js';
import { newestCheckpoint, removeOldCheckpoints } from '../../../src/runs/checkpoint/store.js';
import { trainState, updates } from './state.js';

const origin = { config: {}, engine: 'e' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-checkpoints-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (accuracies: readonly number[], batches = 0): void =>
  writeCheckpoint(folder, origin, { updates, evaluatedOn: 'test' }, trainState(accuracies, batches));
const names = (): string[] => listCheckpoints(folder).map(({ epochs, batches }) => `${epochs}+${batches}`);

it('keeps the newest, and the best beside them, tensors and all', () => {
  const accuracies = [0.1, 0.4, 0.4, 0.2, 0.3];
  for (let epochs = 1; epochs <= 5; epochs++) {
    const done = accuracies.slice(0, epochs);
    write(done);
    removeOldCheckpoints(folder, 2, trainState(done).epochs);
  }
  expect(names()).toEqual(['5+0', '4+0', '2+0']);
  expect(readdirSync(folder).sort()).toEqual(
    [2, 4, 5].flatMap((epoch) => [`epoch-${epoch}.json`, `epoch-${epoch}.safetensors`]),
  );
});

it('takes the newest that is whole and names those that are not', () => {
  expect(newestCheckpoint(folder, () => {})).toBeUndefined();
  write([0.5]);
  write([0.5, 0.5]);
  write([0.5, 0.5, 0.5]);
  const notes: string[] = [];
  const newest = (): number | undefined =>
    newestCheckpoint(folder, (note) => notes.push(note))?.position.epochs;
  expect([newest(), notes]).toEqual([3, []]);
  writeFileSync(join(folder, 'epoch-3.json'), '{}');
  rmSync(join(folder, 'epoch-2.safetensors'));
  expect(newest()).toBe(1);
  expect(notes).toHaveLength(2);
  expect(notes[0]).toMatch(/epoch-3\.json: damaged: .*; the checkpoint after epoch 1 is used instead$/);
  expect(notes[1]).toMatch(/epoch-2\.safetensors: cannot be read/);
  writeFileSync(join(folder, 'epoch-1.json'), '');
  expect(newest).toThrow(
    /epoch-3[^]*epoch-2[^]*epoch-1[^]*no checkpoint is whole: train the run anew with: locallearn train /,
  );
});
