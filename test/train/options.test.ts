import { beforeAll, describe, expect, it } from 'vitest';
import { builtInRegistry } from '../../src/config/registry.js';
import { configDocument, parseConfig } from '../../src/config/config.js';
import { configDifferences } from '../../src/config/differences.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import { checkMethod } from '../../src/runs/method-strategy.js';
import { startEngine } from '../support/engine.js';

beforeAll(async () => {
  await startEngine();
});

const config = (train: string, method = 'method: bp', ...overrides: string[]) =>
  parseConfig(
    `{ name: x, data: { name: cifar10 }, network: { name: resnet, layers: 14 }, method: { ${method} },
       train: { epochs: 90, batchSize: 2, learningRate: 0.1, ${train} } }`,
    'c.yaml',
    overrides,
  );

describe('the train section', () => {
  it('keeps schedules without options as names, in whatever form they are written', () => {
    expect(config('').train.schedule).toBe('cosine');
    expect(config('schedule: step').train.schedule).toBe('step');
    expect(config('schedule: { name: constant }').train.schedule).toBe('constant');
    expect(config('schedule: one-cycle').train.schedule).toEqual({
      ...{ name: 'one-cycle', rise: 0.3, divide: 25, divideLast: 1e4, curve: 'cosine' },
    });
    expect(config('schedule: { name: steps, at: [30, 60] }').train.schedule).toEqual({
      ...{ name: 'steps', at: [30, 60], factor: 0.1 },
    });
    expect(config('', 'method: bp', 'train.schedule=linear').train.schedule).toEqual({
      ...{ name: 'linear', from: 1, to: 0 },
    });
  });

  it('refuses steps that do not rise', () => {
    for (const at of ['60, 30', '30, 30']) {
      expect(() => config(`schedule: { name: steps, at: [${at}] }`)).toThrow(
        /train.schedule.*must be epochs in rising order/,
      );
    }
  });

  it('refuses micro-batches that do not fill the batch, of all methods and of one', () => {
    expect(config('accumulate: 2').train.accumulate).toBe(2);
    expect(() => config('accumulate: 3')).toThrow(
      'train.accumulate: must divide batchSize, and 3 does not divide 2: take 2',
    );
    expect(() => config('', 'method: bp, accumulate: 4')).toThrow(
      /method\.accumulate: must divide batchSize/,
    );
    expect(() => config('optimizerState: bf16, optimizer: mine')).toThrow(/train\.optimizer/);
  });

  it('refuses decay exclusions that no optimiser would read', () => {
    expect(() => config('optimizer: adamw, noDecay: [bias]')).toThrow(
      'train.noDecay: is of the SGD that "optimizer" replaces; say it there: optimizer: { name: adamw, noDecay: [bias] }',
    );
  });

  it('calls a map a map where its keys are free', () => {
    expect(() => config('rateFactors: [1]')).toThrow('train.rateFactors: must be a map, not a list');
  });

  it('has none of the keys that nobody wrote, so that earlier runs go on', () => {
    const own = ['labelSmoothing', 'clip', 'rateFactors', 'ema', 'noDecay', 'optimizer'];
    expect(Object.keys(config('').train).filter((key) => own.includes(key))).toEqual([]);
  });

  it('reads its own document back, and tells two recipes apart key by key', () => {
    const all = config(
      `optimizer: { name: adamw, noDecay: [bias, norm] }, clip: { norm: 1 }, ema: { decay: 0.99 }, labelSmoothing: 0.1,
       rateFactors: { head: 0.5, 'block 1': 2 }, schedule: { name: steps, at: [30, 60], factor: 0.2 }`,
      'method: dgl',
    );
    const again = parseConfig(JSON.stringify(configDocument(all)), 'again.yaml');
    expect(again.train).toEqual(all.train);
    const other = { ...all, train: { ...all.train, clip: { norm: 2 }, schedule: 'constant' as const } };
    expect(configDifferences(configDocument(all), configDocument(other))).toEqual(
      expect.arrayContaining([
        'train.clip.norm: 1 there, 2 here',
        'train.schedule: not set there, "constant" here',
        'train.schedule.at.1: 60 there, not set here',
      ]),
    );
  });

  it.each([
    [
      'schedule: cosin',
      /train\.schedule\.name: must be one of cosine, .*linear.* \(did you mean "cosine"\?\)/,
    ],
    ['schedule: steps', /train\.schedule\.at: missing/],
    ['schedule: { name: constant, at: [3] }', /train\.schedule\.at: unknown key/],
    [
      'schedule: { name: one-cycle, curve: cos }',
      /schedule\.curve: must be one of cosine, linear, not "cos"/,
    ],
    ['clip: { norm: 1, value: 1 }', /train\.clip: must have either "norm" or "value"/],
    ['clip: {}', /train\.clip: must have either "norm" or "value"/],
    [
      'noDecay: [biases]',
      /train\.noDecay\.0: must be one of bias, norm, not "biases" \(did you mean "bias"\?\)/,
    ],
    ['labelSmoothing: 1.5', /train\.labelSmoothing: must be .*1, not 1\.5/],
    ['ema: { decay: 1 }', /train\.ema\.decay: must be .*1, not 1/],
    ['optimizer: { name: adamw, betas: [1, 0.9] }', /train\.optimizer\.betas\.0: must be .*1, not 1/],
    ['optimizer: { name: adamw, momentum: 0.9 }', /train\.optimizer\.momentum: unknown key/],
    ['rateFactors: { head: -1 }', /train\.rateFactors\.head: must be .*0, not -1/],
  ])('%s is refused', (train, message) => {
    expect(() => config(train)).toThrow(message);
  });

  it('rates for updates that a method has not are refused before anything is trained', () => {
    const split = { images: new Uint8Array(4 * 192), labels: [0, 1, 0, 1] };
    const dataset = datasetFromArrays({
      ...{ name: 'none', imageShape: [8, 8, 3], classes: ['a', 'b'], train: split, test: split },
      ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    });
    const checked = (method: string) => () => {
      const own = config('rateFactors: { block 1: 0.1 }', method);
      checkMethod({ config: own, registry: builtInRegistry, dataset }, own.method!);
    };
    expect(checked('method: dgl')).not.toThrow();
    expect(checked('method: bp')).toThrow(
      'train.rateFactors: there is no update "block 1"; the updates are head',
    );
  });
});
