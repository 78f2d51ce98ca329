import tf = require('@tensorflow/tfjs');
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { tryAll } from '../support/fuzz.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../support/tiny.js';

/**
 * Bytes of the process that no file is behind, once the garbage of the steps so far is gone. All resident pages would
 * also count those of libraries, which a busy machine drops and reads again; what it swapped out is still the process's.
 */
function ownBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const status = readFileSync('/proc/self/status', 'utf8');
  const kilobytes = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)![1]);
  return 1024 * (kilobytes('RssAnon') + kilobytes('VmSwap'));
}

const hundreds = tryAll ? 20 : 3;

// Every method's first twenty steps are in leaks.test.ts.
describe.skipIf(!hasTorch || process.platform !== 'linux')(`${100 * hundreds} steps`, () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine(torchEngine);
  });

  test('of AugLocal end with the memory that they began with', () => {
    const run = tinyRun({ method: 'auglocal', depth: 1 }, tinyNetwork(8));
    const takeSteps = (count: number): void => {
      for (let step = 0; step < count; step++) tf.tidy(() => void run.step(tinyBatch(4), 0.001));
    };
    const held = (): number[] => [tf.memory().numTensors, engine.memory.current()];
    takeSteps(2);
    const early = held();
    takeSteps(98);
    const own = ownBytes();
    // Collected now and then: a heap that once grew with garbage, by 100 MB here, is not given back at once.
    let later = own;
    for (let part = 0; part < hundreds - 1; part++) {
      takeSteps(100);
      later = ownBytes();
    }
    expect(held()).toEqual(early);
    expect(later - own).toBeLessThan(50e6);
    run.dispose();
  });
});
