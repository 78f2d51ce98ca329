import { beforeAll, expect, it } from 'vitest';
import { buildStrategy } from '../../src/local/build.js';
import type { Strategy } from '../../src/local/strategy.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork, networkState } from '../../src/networks/network.js';
import { roleOf } from '../../src/nn/parameters.js';
import { decayOf } from '../../src/train/decay.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyMethods, tinyNetwork, titleOf } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const statistics = /running_(mean|var)$/;

it.each(sampleOf(tinyMethods, 4).map((options) => [titleOf(options), options] as const))(
  '%s: layers tell weights from what is left alone, and from running statistics',
  (_, options) => {
    const strategy: Strategy = buildStrategy(tinyNetwork(), options);
    const all = [...networkState(strategy.network), ...strategy.auxiliary];
    const trained = new Set(strategy.updates.flatMap(({ variables }) => variables));
    for (const { name, variable } of all) {
      expect(roleOf(variable) === 'statistics', name).toBe(statistics.test(name));
      // Weights are matrices and filters; all else that is trained is a bias or a normalisation's.
      if (variable.rank > 1) expect(roleOf(variable), name).toBe('weight');
      if (trained.has(variable) && variable.rank === 1 && !name.includes('scal')) {
        expect(['bias', 'norm'], name).toContain(roleOf(variable));
        expect(decayOf(variable, { weightDecay: 1, noDecay: ['bias', 'norm'] }), name).toBe(0);
      }
    }
    expect(roleOf(all.find(({ name }) => name === 'bn1.bias')!.variable)).toBe('norm');
    expect(roleOf(all.find(({ name }) => name === 'fc.bias')!.variable)).toBe('bias');
    strategy.dispose();
    disposeNetwork(strategy.network);
  },
);

it('so do a Transformer’s, whose positions are weights', () => {
  const network = buildNetwork(
    { name: 'vit', patchSize: 4, layers: 1, width: 8, heads: 2, mlpWidth: 16 },
    { classes: 4, imageShape: [8, 8, 3], seed: 1 },
  );
  const roles = networkState(network).map(({ name, variable }) => [name, roleOf(variable)] as const);
  for (const [name, role] of roles) {
    const norm = /ln(_\d)?\.(weight|bias)$/.test(name);
    expect(role, name).toBe(norm ? 'norm' : name.endsWith('bias') ? 'bias' : 'weight');
  }
  expect(new Set(roles.map(([, role]) => role)).size).toBe(3);
  disposeNetwork(network);
});

it('decays all of them where nothing else is said', () => {
  const network = tinyNetwork();
  for (const { variable } of networkState(network)) expect(decayOf(variable, { weightDecay: 2 })).toBe(2);
  disposeNetwork(network);
});
