import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { registryWith } from '../../src/config/registry.js';
import type { Engine } from '../../src/engine/engine.js';
import { runExperiment, type RunOptions } from '../../src/runs/run.js';
import { edges } from '../support/edges.js';
import { startEngine } from '../support/engine.js';
import { memoryGroups } from '../support/memory-group.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine('cpu');
  folder = mkdtempSync(join(tmpdir(), 'locallearn-refused-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const [group] = memoryGroups(2).groups;
const parallel = { blocks: 2, data: 1, cuts: 'balanced', queue: 2 } as const;
const blockRanks = { all: group!, row: group!, column: undefined, parallel };
const mesh = { ...blockRanks, column: group!, parallel: { ...parallel, data: 2 } };
const metric = { name: 'own', start: () => ({ add: () => {}, total: () => 0 }) };

it.each<[Partial<RunOptions>, string, RegExp]>([
  [{ ranks: group! }, 'logEvery: 1', /^train\.logEvery: is not for several ranks/],
  [{ blockRanks }, 'momentum: 0', /^metric "own": is not for several ranks/],
  [{ blockRanks: mesh }, 'batchSize: 3', /^train\.batchSize: 3 images are too few for 2 ranks/],
  [{ ranks: group! }, 'batchSize: 3', /^train\.batchSize: 3 images are too few for 2 ranks/],
  [{ ranks: group! }, 'momentum: 0', /^metric "own": is not for several ranks/],
])(
  'what ranks cannot train with is refused before there is a run folder: %#',
  async (ranks, section, message) => {
    const registry = registryWith([{ file: 'own.ts', plugin: { metrics: [metric] } }]);
    const config = parseConfig(
      `
name: ranks
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { epochs: 2, ${section.startsWith('batchSize') ? '' : 'batchSize: 16, '}learningRate: 0.1, ${section} }
method: { method: dgl, blocks: 2 }
`,
      'ranks.yaml',
      [],
      registry,
    );
    const experiment = { config, registry, engine, dataset: edges() };
    const parent = join(folder, 'none');
    await expect(runExperiment(experiment, config.method!, { parent, ...ranks })).rejects.toThrow(message);
    expect(existsSync(parent)).toBe(false);
  },
);
