import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { formatDuration } from '../../../src/measure/estimate/output.js';
import { estimateMethods, listConfigs } from '../../../src/measure/estimate/listing.js';
import {
  estimate,
  measureProfile,
  profileKey,
  type StepProfile,
} from '../../../src/measure/estimate/profile.js';
import { openProfiles } from '../../../src/measure/estimate/store.js';
import { measureMethod } from '../../../src/measure/memory/report.js';
import { builtInRegistry } from '../../../src/config/registry.js';
import { startEngine } from '../../support/engine.js';
import { methodOf } from '../../support/method.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-estimate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const profile: StepProfile = {
  small: { batch: 8, seconds: 0.1, peakBytes: [100, 50] },
  large: { batch: 32, seconds: 0.25, peakBytes: [220, 290] },
  evaluationSecondsPerImage: 0.01,
  time: '2026-01-01T00:00:00.000Z',
};

describe('estimate', () => {
  it('is a line in the batch, of memory that of the update that is then largest', () => {
    const workload = { epochs: 3, batchSize: 104, lastBatch: 'drop' as const, train: 1000, evaluated: 200 };
    const { seconds, peakBytes } = estimate(profile, workload);
    // 0.05 + 104 · 0.00625 s a step, nine whole steps
    expect(seconds).toBeCloseTo(3 * (9 * 0.7 + 2), 9);
    // The 64 that are left make a step of 0.45 s
    const kept = estimate(profile, { ...workload, lastBatch: 'keep' });
    expect(kept.seconds).toBeCloseTo(3 * (9 * 0.7 + 0.45 + 2), 9);
    expect(kept.peakBytes).toBe(1040);
    // 10 a batch image and −30, which is no memory: the line goes through the larger batch alone then
    expect(peakBytes).toBe(1040);
    expect(estimate(profile, { ...workload, batchSize: 8 }).peakBytes).toBe(100);
  });

  it('takes more than half a fixed time for noise', () => {
    const noisy = { ...profile, small: { ...profile.small, seconds: 0.4 } };
    const { seconds } = estimate(noisy, {
      epochs: 1,
      batchSize: 320,
      lastBatch: 'keep',
      train: 320,
      evaluated: 0,
    });
    expect(seconds).toBeCloseTo(0.125 + 1.25, 9);
  });

  it.each([methodOf({ method: 'bp' }), methodOf({ method: 'man', blocks: 3 })])(
    'foretells the measured peak of $method.name',
    async (method) => {
      const setting = {
        ...{ engine, registry: builtInRegistry, network: { name: 'resnet' as const, layers: 14 }, seed: 1 },
        ...{ batchSize: 96, classes: 10, imageShape: [16, 16, 3] as const },
      };
      const measured = await measureProfile(setting, method);
      const { step } = await measureMethod(setting, method);
      const { peakBytes } = estimate(measured, {
        epochs: 1,
        batchSize: 96,
        lastBatch: 'keep',
        train: 96,
        evaluated: 1,
      });
      expect(peakBytes / step!.peakBytes).toBeGreaterThan(0.9);
      expect(peakBytes / step!.peakBytes).toBeLessThan(1.1);
    },
  );
});

describe('the profiles of a machine', () => {
  it('are kept, and shared by what costs the same', () => {
    const first = openProfiles(engine, folder);
    const second = openProfiles(engine, folder);
    const network = {
      network: { name: 'resnet', layers: 8 } as const,
      classes: 10,
      imageShape: [32, 32, 3] as const,
    };
    const key = profileKey(network, methodOf({ method: 'bp' }));
    expect(profileKey(network, methodOf({ method: 'bp', label: 'baseline' }))).toBe(key);
    expect(profileKey({ ...network, classes: 100 }, methodOf({ method: 'bp' }))).not.toBe(key);
    expect(first.get(key)).toBeUndefined();
    first.add(key, profile);
    second.add('another', profile);
    const again = openProfiles(engine, folder);
    expect([again.get(key), again.get('another')]).toEqual([profile, profile]);
    expect(openProfiles({ description: 'another engine' }, folder).get(key)).toBeUndefined();
    writeFileSync(again.path, '{"measuredOn":{},"profiles":{"a":{}}}');
    expect(() => openProfiles(engine, folder)).toThrow(/profiles\.a\.small.*; delete the file$/);
    writeFileSync(again.path, '{');
    expect(() => openProfiles(engine, folder)).toThrow(/cannot read what was measured: .*; delete the file$/);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(readFileSync(again.path, 'utf8')).toBe('{');
  });
});

describe('the listing', () => {
  it('has configs, not what they extend; tells what is wrong with one, and runs no plugin', async () => {
    const configs = mkdtempSync(join(folder, 'configs-'));
    const write = (name: string, text: string): void => writeFileSync(join(configs, name), text);
    write(
      '_base.yaml',
      `data: { name: cifar10, dir: ${configs}, trainImages: 500, testImages: 100 }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 50, learningRate: 0.1 }
`,
    );
    write('one.yaml', 'extends: _base.yaml\nname: one\nmethod: { method: greedy }\n');
    write('two.yaml', 'extends: _base.yaml\nname: two\nmethods: [{ method: greedy, label: g }]\n');
    write('wrong.yaml', 'extends: _base.yaml\nname: wrong\n');
    write('plugin.yaml', 'extends: _base.yaml\nname: plugin\nplugins: [./x.mjs]\nmethod: { method: x }\n');
    const listed = await listConfigs(configs);
    expect(listed.map(({ config, problem }) => config?.name ?? problem)).toEqual([
      'one',
      expect.stringMatching(/plugin\.yaml: names plugins/),
      'two',
      expect.stringMatching(/must have either "method"/),
    ]);
    expect(listed.map(({ dataPresent }) => dataPresent)).toEqual([false, false, false, false]);
    expect(estimateMethods(listed[2]!, () => profile).map(({ label }) => label)).toEqual(['bp', 'g']);
    const [greedy] = estimateMethods(listed[0]!, () => profile);
    expect(greedy!.estimate!.seconds).toBeCloseTo(2 * (10 * (0.05 + 50 * 0.00625) + 1), 9);
    expect(estimateMethods(listed[0]!, () => undefined)[0]!.estimate).toBeUndefined();
    await expect(listConfigs(join(configs, 'none'))).rejects.toThrow(/cannot read the configs: ENOENT/);
  });

  it('shows durations as people say them', () => {
    expect([0.2, 42, 150, 10_800, 259_200].map(formatDuration)).toEqual([
      ...['1 s', '42 s', '2.5 min', '3.0 h', '3.0 days'],
    ]);
  });
});
