import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { comparedMethods, configDocument, configKeys, parseConfig } from '../../src/config/config.js';
import {
  accumulateOf,
  backpropagation,
  isBaseline,
  labelOf,
  recomputingWith,
  withBaselines,
} from '../../src/config/method-config.js';
import { greedy } from '../../src/local/methods/greedy.js';

const config = (methods: string) =>
  parseConfig(
    `{ name: tiny, data: { name: cifar10 }, network: { name: resnet, layers: 8 },
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

it('has no baseline, or one alone, where that is said', () => {
  const of = (baselines: string): string[] =>
    comparedMethods(config(`method: { method: dgl }, baselines: ${baselines}`)).map(labelOf);
  expect(of('none')).toEqual(['dgl']);
  expect(of('[]')).toEqual(['dgl']);
  expect(of('bp+checkpointing')).toEqual(['bp+checkpointing', 'dgl']);
  expect(() => of('pb')).toThrow(
    'baselines.0: must be one of bp, bp+checkpointing, bp+accumulation, not "pb"',
  );
});

it('has micro-batches of its own in place of those of the section, told by its label', () => {
  const parsed = config(`methods: [
    { method: greedy, accumulate: 2 }, { method: greedy, recompute: units, accumulate: 4 }, { method: greedy },
    { method: bp, accumulate: 1, label: whole }], baselines: [bp, bp+accumulation]`);
  expect(parsed.methods!.map(labelOf)).toEqual([
    ...['greedy+accumulation', 'greedy+checkpointing+accumulation', 'greedy', 'whole'],
  ]);
  const compared = comparedMethods(parsed);
  expect(compared.slice(0, 2).map(labelOf)).toEqual(['bp', 'bp+accumulation']);
  expect(compared.map((method) => accumulateOf(method, { accumulate: 8 }))).toEqual([8, 4, 2, 4, 8, 1]);
  expect(compared.map(isBaseline)).toEqual([true, false, false, false, false, true]);
  expect(parseConfig(stringify(configDocument(parsed)), 'again.yaml')).toEqual(parsed);
  expect(() =>
    parseConfig(
      `{ name: tiny, data: { name: cifar10 }, network: { name: resnet, layers: 8 },
         train: { epochs: 1, batchSize: 6, learningRate: 0.1 }, method: { method: greedy },
         baselines: [bp, bp+accumulation] }`,
      'c.yaml',
    ),
  ).toThrow(/baselines\.1: must divide batchSize, and 4 does not divide 6: take 3 or 6/);
});

it('takes a memory budget with recompute: auto, as bytes or in words, and with nothing else', () => {
  const { method } = config('method: { method: man, blocks: 2, recompute: auto, memory: 1.5GB }');
  expect(method).toMatchObject({ recompute: 'auto', memory: 1_500_000_000, label: 'man+auto' });
  const { method: document } = configDocument(config('method: { method: bp, recompute: auto, memory: 2e8 }'));
  expect(document).toEqual({ method: 'bp', recompute: 'auto', memory: 200_000_000, label: 'bp+auto' });
  expect(config(`method: ${JSON.stringify(document)}`).method).toMatchObject({ memory: 200_000_000 });
  const refused = (method: string, message: RegExp): void =>
    expect(() => config(`method: { method: bp, ${method} }`)).toThrow(message);
  refused('recompute: auto', /method\.recompute: recompute: auto needs memory: .*such as 2GB/);
  refused('recompute: units, memory: 2GB', /method\.memory: is for recompute: auto alone/);
  refused('memory: 2GB', /method\.memory: is for recompute: auto alone/);
  refused('recompute: auto, memory: much', /method\.memory: must be a size such as 2GB/);
});

it('is the same with other recomputing, and says so in its label', () => {
  const labels = (method: string): string[] =>
    [
      { recompute: 'units' } as const,
      { recompute: 'auto', memory: 1e9 } as const,
      { recompute: 'none' } as const,
    ].map((setting) => labelOf(recomputingWith(config(`method: ${method}`).method!, setting)));
  expect(labels('{ method: man, blocks: 2 }')).toEqual(['man+checkpointing', 'man+auto', 'man']);
  expect(labels('{ method: man, blocks: 2, recompute: segments }')).toEqual([
    ...['man+checkpointing', 'man+auto', 'man'],
  ]);
  expect(labels(written)).toEqual(['mine+checkpointing', 'mine+auto', 'mine']);
});
