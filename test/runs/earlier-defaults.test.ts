import { describe, expect, it } from 'vitest';
import { recordedOverrides } from '../../src/runs/earlier-defaults.js';

describe('recordedOverrides', () => {
  it('says that runs dropped the last batches where the config does not', () => {
    expect(recordedOverrides('train: { epochs: 2 }', 'config.yaml')).toEqual(['train.lastBatch=drop']);
    expect(recordedOverrides('train: { lastBatch: keep }', 'config.yaml')).toEqual([]);
  });

  it.each([
    ['contsup', 'blocks: 2', 'context: E'],
    ['man-plus', 'momentum: 0.995', 'momentumStart: drawn'],
    ['mlaan', 'independentWeight: 0.5', 'momentumUpdates: published'],
  ])('refuses the %s that was another method', (name, both, since) => {
    const text = (options: string): string => `{ train: {}, method: { method: ${name}, ${options} } }`;
    expect(() => recordedOverrides(text(both), 'a/config.yaml')).toThrow(
      `a/config.yaml: method: the ${name} of an older version, which did not follow the published code`,
    );
    expect(recordedOverrides(text(`${both}, ${since}`), 'a/config.yaml')).toHaveLength(1);
  });

  it('says that AugLocal joined its last units on every network', () => {
    const text = (network: string): string =>
      `{ train: {}, network: { name: ${network} }, method: { method: auglocal, depth: 4 } }`;
    expect(recordedOverrides(text('resnet-imagenet'), 'config.yaml')).toEqual([
      'train.lastBatch=drop',
      'method.joined=true',
    ]);
    expect(recordedOverrides(text('resnet'), 'config.yaml')).toEqual(['train.lastBatch=drop']);
  });

  it('takes the other methods as they are', () => {
    expect(recordedOverrides('{ train: {}, method: { method: man } }', 'config.yaml')).toHaveLength(1);
    expect(recordedOverrides('{ train: {}, method: man }', 'config.yaml')).toHaveLength(1);
  });
});
