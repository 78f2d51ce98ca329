import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { configDocument, configKeys, parseConfig } from '../../src/config/config.js';
import { backpropagation, labelOf, withBaselines } from '../../src/config/method-config.js';
import { greedy } from '../../src/local/methods/greedy.js';

const config = (methods: string) =>
  parseConfig(
    `{ name: tiny, data: { name: cifar10 }, network: { name: resnet, depth: 8 },
       train: { epochs: 1, batchSize: 8, learningRate: 0.1 }, ${methods} }`,
    'c.yaml',
  );

const written = '{ label: mine, cuts: [stem], method: greedy }';

it('is parsed into the method, its options and its label', () => {
  const { method } = config(`method: ${written}`);
  expect(method).toEqual({ method: greedy, options: { cuts: ['stem'] }, label: 'mine' });
  expect(config('method: { method: greedy }').method).toEqual({ method: greedy, options: {} });
});

it('is written as one map, the name in front and the label at the end, where there is one', () => {
  const document = configDocument(config(`method: ${written}`));
  expect(Object.keys(document).at(-1)).toBe('method');
  expect(stringify(document['method'])).toBe('method: greedy\ncuts:\n  - stem\nlabel: mine\n');
  expect(configDocument(config(`methods: [{ method: bp }, ${written}]`))['methods']).toEqual([
    { method: 'bp' },
    document['method'],
  ]);
  expect(configDocument(config('method: { method: bp, label: bp }'))['method']).toHaveProperty('label', 'bp');
});

it('of backpropagation is the one that configs name', () => {
  expect(config('method: { method: bp }').method).toEqual(backpropagation);
});

it('is no key of --set itself, its options and its label are', () => {
  expect(configKeys()).toEqual(expect.arrayContaining(['method.method', 'method.blocks', 'method.label']));
  expect(configKeys()).not.toContain('method');
});

it('has each baseline once, however often it is named', () => {
  const methods = withBaselines([], ['bp', 'bp', 'bp+checkpointing']);
  expect(methods.map(labelOf)).toEqual(['bp', 'bp+checkpointing']);
});
