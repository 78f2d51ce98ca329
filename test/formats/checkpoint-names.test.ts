import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkpointName, listCheckpoints, parseCheckpointName } from '../../src/formats/checkpoint-names.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-names-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('lists the newest first, by number', () => {
  for (const name of ['epoch-9', 'epoch-10', 'epoch-2', 'epoch-2-batch-12', 'epoch-2-batch-3', 'notes'])
    writeFileSync(join(folder, `${name}.json`), '');
  const found = listCheckpoints(folder).map(({ epochs, batches }) => `${epochs}+${batches}`);
  expect(found).toEqual(['10+0', '9+0', '2+12', '2+3', '2+0']);
  expect(listCheckpoints(join(folder, 'nowhere'))).toEqual([]);
});

it('has a name that tells where it stands', () => {
  for (const position of [
    { epochs: 12, batches: 0 },
    { epochs: 0, batches: 345 },
  ]) {
    expect(parseCheckpointName(`${checkpointName(position)}.json`)).toEqual(position);
  }
  expect(parseCheckpointName('epoch-3.json.123.tmp')).toBeUndefined();
  expect(parseCheckpointName('epoch-3.safetensors')).toBeUndefined();
});
