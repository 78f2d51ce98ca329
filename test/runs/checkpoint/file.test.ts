import { checkpointName } from '../../../src/formats/checkpoint-names.js';
import { createHash } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { positionOf, readCheckpoint, writeCheckpoint } from '../../../src/runs/checkpoint/file.js';
import { trainState, updates } from './state.js';

const origin = {
  config: { name: 'tiny', train: { epochs: 9 }, list: [1, { a: null }] },
  engine: 'a, 2 threads',
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-checkpoint-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each([[trainState([0.5, 0.25])], [trainState([0.5], 3)], [trainState([], 1)]])(
  'is read as it was written, to the last bit',
  (state) => {
    writeCheckpoint(folder, origin, { updates, evaluatedOn: 'test' }, state);
    const position = positionOf(state);
    expect(readdirSync(folder).sort()).toEqual(
      ['json', 'safetensors'].map((end) => `${checkpointName(position)}.${end}`),
    );
    expect(readCheckpoint(folder, position)).toEqual({ ...origin, position, state });
  },
);

it('of an earlier version, which summed losses over the steps, has sums over their images', () => {
  const state = trainState([], 3);
  const position = positionOf(state);
  writeCheckpoint(folder, origin, { updates, evaluatedOn: 'test' }, state);
  const path = join(folder, `${checkpointName(position)}.json`);
  const { content } = JSON.parse(readFileSync(path, 'utf8')) as {
    content: { partial: Record<string, unknown> };
  };
  const partial = { ...content.partial, steps: 3, images: 24, losses: [6, 0.75] };
  delete (partial as { imageLosses?: unknown }).imageLosses;
  const earlier = { ...content, partial };
  const sha256 = createHash('sha256').update(JSON.stringify(earlier)).digest('hex');
  writeFileSync(path, JSON.stringify({ sha256, content: earlier }));
  expect(readCheckpoint(folder, position).state.partial).toEqual({
    ...state.partial,
    ...{ images: 24, imageLosses: [48, 6] },
  });
});

it('is refused if any byte of it has changed or is missing', () => {
  const state = trainState([0.5, 0.25], 2);
  const position = positionOf(state);
  writeCheckpoint(folder, origin, { updates, evaluatedOn: 'test' }, state);
  const files = ['epoch-2-batch-2.json', 'epoch-2-batch-2.safetensors'].map((name) => join(folder, name));
  const refused = (file: string): void => {
    expect(() => readCheckpoint(folder, position)).toThrow(UserError);
    expect(() => readCheckpoint(folder, position)).toThrow(file);
  };
  for (const file of files) {
    const whole = readFileSync(file);
    fc.assert(
      fc.property(fc.nat(statSync(file).size - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= change;
        // Only the space between JSON's parts may become other space.
        if (/^\s*$/.test(String.fromCharCode(whole[at]!, bytes[at]!))) return;
        writeFileSync(file, bytes);
        refused(folder);
      }),
      { numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.nat(whole.length - 2), (length) => {
        writeFileSync(file, whole);
        truncateSync(file, length);
        refused(file);
      }),
      { numRuns: 40 },
    );
    rmSync(file);
    refused(file);
    writeFileSync(file, whole);
  }
  expect(readCheckpoint(folder, position).state).toEqual(state);
});

it('is refused where a changed byte changes no value', () => {
  writeCheckpoint(
    folder,
    { ...origin, config: { rate: 1e-7, sum: 0.1 + 0.2 } },
    { updates, evaluatedOn: 'test' },
    trainState([0.5]),
  );
  const file = join(folder, 'epoch-1.json');
  const whole = readFileSync(file, 'utf8');
  for (const [there, changed] of [
    ['1e-7', '1E-7'],
    ['0.30000000000000004', '0.30000000000000005'],
  ] as const) {
    expect(Number(changed)).toBe(Number(there));
    expect(whole).toContain(there);
    writeFileSync(file, whole.replace(there, changed));
    expect(() => readCheckpoint(folder, { epochs: 1, batches: 0 })).toThrow(
      'damaged: it is not as it was written',
    );
  }
});

it('is refused under the name of another', () => {
  writeCheckpoint(folder, origin, { updates, evaluatedOn: 'test' }, trainState([0.5]));
  for (const end of ['json', 'safetensors']) {
    writeFileSync(join(folder, `epoch-2.${end}`), readFileSync(join(folder, `epoch-1.${end}`)));
  }
  expect(() => readCheckpoint(folder, { epochs: 2, batches: 0 })).toThrow(
    'damaged: it is the checkpoint after epoch 1',
  );
});
