import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSwept, pointFolder, sweepPoints } from '../../src/runs/sweep-points.js';

describe('a swept key', () => {
  it('has its values as --set would be given them', () => {
    expect(parseSwept('train.learningRate=0.05,1e-1')).toEqual({
      ...{ key: 'train.learningRate', values: ['0.05', '0.1'] },
    });
    expect(parseSwept('method.cuts=[stem],[stem, layer1.0]').values).toEqual([
      ...['["stem"]', '["stem","layer1.0"]'],
    ]);
    expect(parseSwept('train.schedule=cosine, constant,{ name: steps, at: [3] }').values).toEqual([
      ...['cosine', 'constant', '{"name":"steps","at":[3]}'],
    ]);
    expect(parseSwept('method.variant=a=b').values).toEqual(['a=b']);
  });

  it.each([
    ['train.epochs', 'not of the form'],
    ['=1,2', 'not of the form'],
    ['train.epochs=', 'must have values'],
    ['train.epochs=[1', 'must have values'],
    ['train.epochs=1,2],[3', 'must have values'],
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
