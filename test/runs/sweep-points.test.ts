import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { plainPoint } from '../../src/runs/sweep-load.js';
import { parseSwept, pointFolder, sweepPoints } from '../../src/runs/sweep-points.js';

describe('a swept key', () => {
  it.each<[string, ...string[]]>([
    ['train.learningRate=0.05,1e-1', '0.05', '1e-1'],
    ['method.cuts=[stem],[stem, layer1.0]', '[stem]', '[stem, layer1.0]'],
    [
      'train.schedule=cosine, constant,{ name: steps, at: [3] }',
      ...['cosine', 'constant', '{ name: steps, at: [3] }'],
    ],
    ['method.variant=a=b', 'a=b'],
    ["method.label='it''s, ok','',x", "'it''s, ok'", "''", 'x'],
    ['data.dir=zoo #2,007, @home', 'zoo #2', '007', '@home'],
    [`data.dir='a, b',"c\\", d",it's [1],[2024] x`, `'a, b'`, `"c\\", d"`, `it's [1]`, '[2024] x'],
    [`x={ a: ['b, c]', it's] },2`, `{ a: ['b, c]', it's] }`, '2'],
  ])('has its values as they are written, for --set: %s', (text, ...values) => {
    expect(parseSwept(text).values).toEqual(values);
  });

  it.each([
    ['train.epochs', 'not of the form'],
    ['=1,2', 'not of the form'],
    ['train.epochs=', 'must have values'],
    ['train.epochs=1,,2', 'must have values'],
    ['train.epochs=[1', 'not closed'],
    ['train.epochs=1,2],[3', 'not closed'],
    ['data.dir=a,"b', 'not closed'],
    ['train.epochs=1,2,1', 'has 1 twice'],
  ])('is refused in %j: %s', (text, reason) => {
    expect(() => parseSwept(text)).toThrow(reason);
  });
});

describe('combinations', () => {
  it('are all there are, the last key fastest', () => {
    const [a, b] = [
      { key: 'a', values: ['1', '2'] },
      { key: 'b', values: ['x', 'y'] },
    ];
    expect(sweepPoints([a, b])).toEqual([
      ...[
        { a: '1', b: 'x' },
        { a: '1', b: 'y' },
      ],
      ...[
        { a: '2', b: 'x' },
        { a: '2', b: 'y' },
      ],
    ]);
    expect(() => sweepPoints([a, a])).toThrow('--over a: is there twice');
    const many = { key: 'c', values: Array.from({ length: 300 }, String) };
    expect(() => sweepPoints([a, b, many])).toThrow('1200 combinations');
  });

  it('are told as text where the key takes text, and else the same however they are written', () => {
    const told = (point: Record<string, string>): unknown => {
      const overrides = Object.entries(point).map(([key, value]) => `${key}=${value}`);
      const config = `
        { name: a, data: { name: folder, dir: x }, network: { name: resnet, layers: 8 },
          train: { epochs: 1, batchSize: 8, learningRate: 0.1 }, method: { method: bp } }`;
      return plainPoint(point, parseConfig(config, 'c.yaml', overrides));
    };
    for (const dir of ['zoo #2', '007', '@home', '[2024] x', 'null'])
      expect(told({ 'data.dir': dir })).toEqual({ 'data.dir': dir });
    expect(told({ 'data.dir': `'a, b'` })).toEqual({ 'data.dir': 'a, b' });
    expect(told({ 'train.learningRate': '1e-1', 'train.epochs': '007' })).toEqual({
      ...{ 'train.learningRate': '0.1', 'train.epochs': '7' },
    });
    expect(told({ 'train.schedule': '{ name: steps, at: [3] }' })).toEqual({
      'train.schedule': '{"name":"steps","at":[3]}',
    });
  });

  it('have folders of their own, with names that any file system takes', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [first, second] = [pointFolder({ 'train.x': a }), pointFolder({ 'train.x': b })];
        expect(first === second).toBe(a === b);
        expect(first).toMatch(/^[A-Za-z0-9.,=_-]{1,140}$/);
      }),
    );
    expect(pointFolder({ 'train.learningRate': '0.05', 'method.depth': '2' })).toBe(
      'train.learningRate=0.05,method.depth=2',
    );
  });
});
