import { describe, expect, test } from 'vitest';
import { asRecorded, isReplaced, recordedOverrides } from '../../src/runs/earlier-defaults.js';

const config = (method: object, { network = 'resnet', train = {} } = {}) => ({
  ...{ name: 'a', network: { name: network, depth: 34 }, train: { epochs: 1, ...train }, method },
});
const overrides = (value: object): string[] => recordedOverrides(JSON.stringify(value), 'config.yaml');

test('a run that does not say what became of its last batches dropped them', () => {
  const earlier = config({ method: 'man', blocks: 3 });
  expect(asRecorded(earlier)).toEqual({ ...earlier, train: { lastBatch: 'drop', epochs: 1 } });
  expect(overrides(earlier)).toEqual(['train.lastBatch=drop']);
  const today = config({ method: 'man' }, { train: { lastBatch: 'keep' } });
  expect(asRecorded(today)).toEqual(today);
  expect(overrides(today)).toEqual([]);
});

test('AugLocal joined its last units on every network then', () => {
  const earlier = config({ method: 'auglocal', depth: 4 }, { network: 'resnet-imagenet' });
  expect(overrides(earlier)).toEqual(['train.lastBatch=drop', 'method.joined=true']);
  expect(asRecorded(earlier)).toMatchObject({ method: { method: 'auglocal', depth: 4, joined: true } });
  expect(overrides(config({ method: 'auglocal', depth: 4 }))).toEqual(['train.lastBatch=drop']);
});

describe.each(['man-plus', 'mlaan', 'contsup'])('%s', (method) => {
  test('of then is not the method of now', () => {
    expect(isReplaced(config({ method }))).toBe(true);
    expect(() => overrides(config({ method }))).toThrow(
      `config.yaml: trained by an earlier "${method}", which was another method: the one of that name now follows the published code; train it anew in another folder`,
    );
    const today = config({ method }, { train: { lastBatch: 'keep' } });
    expect(isReplaced(today)).toBe(false);
    expect(overrides(today)).toEqual([]);
  });
});
