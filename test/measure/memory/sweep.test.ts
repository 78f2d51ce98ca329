import { beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.js';
import { memoryMethods } from '../../../src/measure/memory/methods.js';
import {
  budgetLine,
  budgetRecord,
  memoryRecord,
  methodTable,
  sweepTable,
  updateTable,
} from '../../../src/measure/memory/output.js';
import { backpropagation, type MethodConfig } from '../../../src/config/method-config.js';
import { measureMethod, type MethodMemory } from '../../../src/measure/memory/report.js';
import type { MemorySetting } from '../../../src/measure/memory/setting.js';
import {
  fitting,
  sweepBlocks,
  type BlockCount,
  type SweepMemory,
} from '../../../src/measure/memory/sweep.js';
import { builtInRegistry } from '../../../src/config/registry.js';
import { z } from 'zod';
import { auglocal } from '../../../src/local/methods/auglocal.js';
import { greedy } from '../../../src/local/methods/greedy.js';
import { startEngine } from '../../support/engine.js';
import { methodOf } from '../../support/method.js';

// Every method of this network but AugLocal takes from 2 to 7 blocks.
let setting: MemorySetting;
let bp: MethodMemory;
beforeAll(async () => {
  setting = {
    engine: await startEngine(),
    registry: builtInRegistry,
    network: { name: 'resnet', layers: 14 },
    seed: 1,
    batchSize: 8,
    classes: 4,
    imageShape: [8, 8, 3],
  };
  bp = await measureMethod(setting, backpropagation);
});

const sweep = (
  method: Parameters<typeof methodOf>[0] | MethodConfig,
  options: { counts?: readonly BlockCount[]; budget?: number; leftOut?: string[] } = {},
): Promise<SweepMemory[]> => {
  const { leftOut, ...rest } = options;
  const configured = 'options' in method ? (method as MethodConfig) : methodOf(method);
  return sweepBlocks(setting, configured, { ...rest, bp, onLeftOut: (message) => leftOut?.push(message) });
};
const countsOf = (results: readonly SweepMemory[]): BlockCount[] => results.map(({ count }) => count);
const blocksOf = (results: readonly SweepMemory[]): number[] => results.map(({ blocks }) => blocks);
const peakOf = (result: MethodMemory): number => result.step!.peakBytes;

describe('a sweep', () => {
  test('takes the usual counts up to the units, and all of them', async () => {
    const results = await sweep({ method: 'greedy' });
    expect(countsOf(results)).toEqual([1, 2, 4, 'all']);
    expect(blocksOf(results)).toEqual([1, 2, 4, 7]);
    expect(peakOf(results[0]!)).toBe(peakOf(bp));
    expect(peakOf(results[3]!)).toBeLessThan(peakOf(results[1]!));
  });

  test('joins the stem where the method does: a block less', async () => {
    expect(blocksOf(await sweep({ method: 'man' }, { counts: ['all'] }))).toEqual([6]);
  });

  test.each([undefined, [1, 2, 4, 'all'] as const])(
    'leaves out of %j what cannot be cut so',
    async (counts) => {
      const leftOut: string[] = [];
      const options = { leftOut, ...(counts === undefined ? {} : { counts }) };
      expect(countsOf(await sweep({ method: 'auglocal', depth: 2 }, options))).toEqual([1, 4, 'all']);
      expect(leftOut).toHaveLength(1);
      expect(leftOut[0]).toMatch(/^auglocal: left out K = 2: auglocal: depth 2 joins the last 3 of 2 blocks/);
    },
  );

  test('refuses counts of which none is possible', async () => {
    await expect(sweep({ method: 'greedy' }, { counts: [9] })).rejects.toThrow(/more than the 7 units/);
  });

  test('of a method that cannot be told how many blocks is refused in one line', async () => {
    const counts = [2, 'all'] as const;
    const fixed = { ...greedy, name: 'fixed', options: z.strictObject({ cuts: z.literal(3) }) };
    await expect(sweep({ method: fixed, options: { cuts: 3 } }, { counts })).rejects.toThrow(
      /^fixed: has no option blocks that says where to cut$/,
    );
    const few = { ...fixed, options: z.strictObject({ blocks: z.int().max(3) }) };
    await expect(sweep({ method: few, options: {} }, { counts: [4] })).rejects.toThrow(
      /^fixed: blocks: must be at most 3, not 4$/,
    );
  });

  test('forgets cut points that are named, keeps those that go with the number', async () => {
    const [named] = await sweep({ method: 'greedy', cuts: ['layer3.0'] }, { counts: [3] });
    expect(named!.cuts).toEqual(['layer1.0', 'layer2.0']);
    const [balanced] = await sweep({ method: 'greedy', blocks: 5, cuts: 'balanced' }, { counts: [3] });
    expect(balanced!.cuts).toHaveLength(2);
    expect(peakOf(balanced!)).toBeLessThanOrEqual(peakOf(named!));
  });

  test('with a budget finds the fewest blocks, those between the usual counts among them', async () => {
    const all = await sweep({ method: 'greedy' }, { counts: [1, 2, 3, 4, 5, 6, 7] });
    for (const target of all) {
      const budget = peakOf(target);
      const fewest = all.find((result) => peakOf(result) <= budget)!;
      const found = fitting(await sweep({ method: 'greedy' }, { budget }), budget);
      expect(found!.blocks).toBe(fewest.blocks);
    }
  });

  test('with a budget that is too small has no answer', async () => {
    const results = await sweep({ method: 'greedy' }, { budget: 1000 });
    expect(fitting(results, 1000)).toBeUndefined();
    expect(budgetLine(results, 1000)).toMatch(
      /^greedy: none of K = 1, 2, 4, all fits into 1\.0 kB; the least is [\d.]+ [kM]B with K = \S+\. Take a smaller batch/,
    );
    expect(JSON.parse(budgetRecord(results, 1000))).toMatchObject({ count: null, budgetBytes: 1000 });
  });
});

describe('what is printed', () => {
  test('has a line and a bar for each update', async () => {
    const result = await measureMethod(setting, methodOf({ method: 'hpff', blocks: 3, label: 'mine' }));
    const [title, header, rule, ...lines] = updateTable(setting, result).trimEnd().split('\n');
    expect(title).toBe(`mine: resnet-14 in 3 blocks, 8 images of 8×8×3, engine ${setting.engine.name}`);
    expect(header).toMatch(/^update +forward activations +parameters +optimiser state +peak \(\S+\)$/);
    expect(rule).toMatch(/^─+( +─+)+$/);
    const held = lines.pop();
    expect(held).toMatch(/^held throughout: [\d.]+ .B \(parameters [\d.]+ .B, optimiser state [\d.]+ .B, /);
    expect(lines.map((line) => line.split(/ {2,}/)[0])).toEqual(result.step!.updates.map(({ name }) => name));
    const bars = lines.map((line) => /█+$/.exec(line)?.[0].length ?? 0);
    expect(Math.max(...bars)).toBe(24);
    expect(bars[result.step!.updates.findIndex(({ peakBytes }) => peakBytes === peakOf(result))]).toBe(24);
  });

  test('says of an update whose forward pass adds nothing that it frees what others made', () => {
    const [update] = bp.step!.updates;
    const step = { ...bp.step!, updates: [{ ...update!, activationBytes: 0 }] };
    expect(updateTable(setting, { ...bp, step })).toMatch(
      /\nhead: nothing is added, as its forward pass frees features of earlier updates that it reads last\nheld/,
    );
    expect(updateTable(setting, bp)).not.toContain('nothing is added');
  });

  test('sets each method and each K against BP', async () => {
    const man = await measureMethod(setting, methodOf({ method: 'man', blocks: 3 }));
    const methods = methodTable(setting, [bp, man]).split('\n');
    expect(methods[2]).toMatch(/^bp +1 +head +[\d.]+ .B +1\.00 +█+$/);
    expect(methods[3]).toContain((peakOf(man) / peakOf(bp)).toFixed(2));
    const lines = sweepTable(setting, await sweep({ method: 'man' }, { counts: [1, 2] }), bp).split('\n');
    expect(lines[0]).toMatch(/^man: resnet-14, 8 images/);
    expect(lines[3]).toMatch(/^1 \(bp\) +1 +head .* 1\.00 /);
    expect(lines[4]).toMatch(/^2 +2 +\S+/);
  });

  test('says so where memory ran out', () => {
    const without = { ...bp, label: 'huge', step: undefined };
    expect(updateTable(setting, without)).toMatch(/\nout of memory\n$/);
    expect(methodTable(setting, [without, bp])).toMatch(/^huge +1 +out of memory$/m);
    expect(budgetLine([{ ...without, count: 1 }], 5e9)).toMatch(/none of K = 1 .* out of memory/);
    expect(JSON.parse(memoryRecord(setting, without, bp))).toMatchObject({ outOfMemory: true });
  });

  test('as JSON has every figure and no bar', () => {
    const record = JSON.parse(memoryRecord(setting, bp, bp)) as Record<string, unknown>;
    expect(record).toMatchObject({
      ...{ method: 'bp', network: 'resnet-14', blocks: 1, cuts: [], batch: 8, timesBp: 1 },
      ...{ peakMemoryBytes: peakOf(bp), updates: bp.step!.updates, memoryMeter: setting.engine.memory.name },
    });
    expect(JSON.stringify(record)).not.toContain('█');
  });
});

describe('the methods of a config', () => {
  const config = parseConfig(
    `
name: several
data: { name: cifar10 }
network: { name: resnet, layers: 14 }
train: { epochs: 1, batchSize: 8, learningRate: 0.1 }
methods:
  - { method: bp }
  - { method: man, blocks: 3, label: three }
  - { method: man, blocks: 4 }
`,
    'several.yaml',
  );
  const names = (name?: string): unknown[] =>
    memoryMethods(config, builtInRegistry, name).map(({ method, options, label }) => [
      method.name,
      options['blocks'],
      label,
    ]);

  test('are all but BP, or the one that is named', () => {
    expect(names()).toEqual([
      ['man', 3, 'three'],
      ['man', 4, undefined],
    ]);
    expect(names('three')).toEqual([['man', 3, 'three']]);
    expect(names('man')).toEqual([['man', 4, undefined]]);
    expect(names('bp')).toEqual([]);
  });

  test('may be named from outside it, then with its defaults', () => {
    expect(memoryMethods(config, builtInRegistry, 'auglocal')).toEqual([
      { method: auglocal, options: expect.objectContaining({ depth: 2 }) as object },
    ]);
    expect(() => names('auglocl')).toThrow(/^--method: there is no "auglocl" \(did you mean "auglocal"\?\)/);
  });
});
