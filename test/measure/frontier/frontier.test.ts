import { beforeAll, describe, expect, test } from 'vitest';
import { builtInRegistry } from '../../../src/config/registry.js';
import { comparedMethods, parseConfig, type Config } from '../../../src/config/config.js';
import type { Engine } from '../../../src/engine/engine.js';
import { measureVariant, type MeasuredVariant } from '../../../src/measure/frontier/measure.js';
import { frontierRecord, frontierText } from '../../../src/measure/frontier/output.js';
import { pointsOf } from '../../../src/measure/frontier/points.js';
import { terminalChart } from '../../../src/measure/frontier/terminal-chart.js';
import { nameOf, variantsOf } from '../../../src/measure/frontier/variants.js';
import { settingOf, type MemorySetting } from '../../../src/measure/memory/setting.js';
import { frontierSvg } from '../../../src/report/trade/frontier-svg.js';
import { byHand } from '../../support/cost.js';
import { startEngine } from '../../support/engine.js';
import { tinyClasses, tinyShape } from '../../support/tiny.js';

const config: Config = parseConfig(
  `
name: tiny
data: { name: cifar10 }
network: { name: resnet, layers: 14 }
train: { epochs: 1, batchSize: 4, learningRate: 0.1 }
baselines: [bp, bp+checkpointing]
methods:
  - { method: greedy }
  - { method: man, blocks: 3 }
  - { method: man, blocks: 3, recompute: units }
`,
  'tiny.yaml',
);

test('each method once, whatever it recomputes, with every setting of that and every K that is asked for', () => {
  const names = (counts?: Parameters<typeof variantsOf>[1]): string[] =>
    variantsOf(comparedMethods(config), counts).map(nameOf);
  const settings = ['', ' +units', ' +segments'];
  expect(names()).toEqual(['bp', 'greedy', 'man'].flatMap((name) => settings.map((each) => name + each)));
  // K = 1 is BP.
  expect(names([1, 2, 'all'])).toEqual(
    ['bp', 'greedy K=2', 'greedy K=all', 'man K=2', 'man K=all'].flatMap((name) =>
      settings.map((each) => name + each),
    ),
  );
});

describe('measured variants', () => {
  let engine: Engine;
  let setting: MemorySetting;
  let all: MeasuredVariant[];
  beforeAll(async () => {
    engine = await startEngine();
    const shape = { engine, registry: builtInRegistry, classes: tinyClasses, imageShape: tinyShape };
    setting = settingOf(config, shape);
    all = [];
    for (const variant of variantsOf(config.methods!.slice(0, 1), [2])) {
      all.push(await measureVariant(setting, variant));
    }
  });

  test('have the memory of a step, its multiply-adds and its time', () => {
    const { stem, units, forward } = byHand;
    const step = 4 * (3 * forward - stem);
    const products = pointsOf(all).map(({ y }) => y);
    expect(products.slice(0, 3)).toEqual([step, step + 4 * (stem + units), step + 8 * (stem + units)]);
    expect(all.map(({ blocks }) => blocks)).toEqual([1, 1, 1, 2, 2, 2]);
    for (const { step: measured, parameters } of all) {
      expect(measured!.memory.peakBytes).toBeGreaterThan(4 * parameters.network);
      expect(measured!.seconds).toBeGreaterThan(0);
    }
  });

  test('are set against BP, as a table, a chart, lines of JSON and an SVG', () => {
    const text = frontierText(setting, all);
    expect(text).toMatch(/^resnet-14: a training step of 4 images of 8×8×3\n/);
    expect(text).toMatch(/^bp +a +1 +\S+ MB +1\.00 +19\.9 M +0 % /m);
    // It goes back through nothing but its head, and so takes less of both.
    expect(text).toMatch(/^greedy K=2 +d +2 .* ●$/m);
    expect(text).toMatch(/^greedy K=2 \+segments +f +2 /m);
    const records = all.map((each) => JSON.parse(frontierRecord(setting, each, all)) as object);
    expect(records[0]).toMatchObject({
      ...{ name: 'bp', recompute: 'none', memoryTimesBp: 1, multiplyAddsOverhead: 0, onFrontier: false },
      ...{ batch: 4, steps: 3, parameters: { auxiliary: 0 } },
    });
    expect(records[3]).toMatchObject({ label: 'greedy', count: 2, blocks: 2 });
    const svg = frontierSvg(setting, all);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
    for (const { variant } of all) expect(svg).toContain(`<title>${nameOf(variant)}: `);
  });

  test('say where memory does not suffice, and then have no point', () => {
    const [bp, ...others] = all;
    const tight = [bp!, { ...others[0]!, step: undefined }];
    expect(frontierText(setting, tight)).toMatch(/^bp \+units +1 +out of memory$/m);
    expect(pointsOf(tight)).toHaveLength(1);
    expect(JSON.parse(frontierRecord(setting, tight[1]!, tight))).toMatchObject({ outOfMemory: true });
    const [point] = pointsOf([{ ...bp!, step: undefined }, others[0]!]);
    expect(point!.trade).toBeUndefined();
  });
});

test('letters of a terminal chart stand beside one another where their places are one', () => {
  const point = (letter: string, x: number, y: number) => ({ letter, x, y, isOnFrontier: false });
  const chart = terminalChart([point('a', 1e6, 1e9), point('b', 1e6, 1e9), point('c', 2e6, 5e8)]);
  const lines = chart.split('\n');
  expect(lines[1]).toMatch(/^1\.00 G │ +ab·+$/);
  expect(lines[8]!.endsWith('c')).toBe(true);
  expect(terminalChart([])).toBe('');
});
