import { describe, expect, it } from 'vitest';
import { chart, type Axis } from '../../src/report/plot.js';
import { renderChart, sizes } from '../../src/report/render.js';

const style = { colour: 'red', shape: 'circle', dash: [] };

/** A chart of one line of these values. */
function of(values: readonly number[], { y = {}, x = {} }: { y?: Partial<Axis>; x?: Partial<Axis> } = {}) {
  const points = values.map((value, i) => ({ x: i + 1, y: value, text: `point ${i + 1}` }));
  return chart({
    title: 'a chart',
    legend: [],
    x: { title: 'x', whole: true, ...x },
    y: { title: 'y', ...y },
    lines: [{ name: 'a line', style, stroke: 'normal', marked: 'last', points }],
  });
}

async function textsOf(made: ReturnType<typeof of>): Promise<string[]> {
  const svg = await renderChart(made, sizes.wide);
  return [...svg.matchAll(/<text[^>]*>([^<]+)</g)].map(([, text]) => text!);
}

const numbers = (texts: readonly string[]): string[] => texts.filter((text) => /\d/.test(text));

describe('the y axis', () => {
  it.each([
    [
      [23, 23],
      ['1', '2', '22.7', '22.8', '22.9', '23.0', '23.1', '23.2', '23.3'],
    ],
    [
      [23, 23.000001],
      ['1', '2', '22.7', '22.8', '22.9', '23.0', '23.1', '23.2', '23.3'],
    ],
    [
      [0, 0],
      ['1', '2', '0.0', '0.2', '0.4', '0.6', '0.8', '1.0'],
    ],
  ])('does not look closer than is to be seen at %j', async (values, labels) => {
    expect(numbers(await textsOf(of(values)))).toEqual(labels);
  });

  it('spans at least what is asked for', async () => {
    expect(numbers(await textsOf(of([50.3, 50.7], { y: { least: 2 } })))).toEqual([
      '1',
      '2',
      '49.5',
      '50.0',
      '50.5',
      '51.0',
      '51.5',
    ]);
  });

  it('is logarithmic where a few values would press all others flat, if it may be', async () => {
    const values = [40, 2.4, 1.3, 1.2, 1.1, 1.05];
    const loss = of(values, { y: { log: true } });
    expect(loss.note).toBe('The y axis is logarithmic.');
    expect(numbers(await textsOf(loss)).slice(6)).toEqual(['1', '2', '5', '10', '20', '50']);
    expect(of(values).note).toBeUndefined();
    expect(of([2.3, 1.5, 1.2, 1, 0.9], { y: { log: true } }).note).toBeUndefined();
    const diverging = await textsOf(of([1e8, 2e7, 3, 2, 1, 1, 1], { y: { log: true } }));
    expect(diverging).toContain('1e+8');
  });
});

it('has names on an axis of units', async () => {
  const names = ['stem', 'layer1.0', '"]; alert(1)'];
  const texts = await textsOf(of([1, 2, 3], { x: { names } }));
  expect(texts.slice(0, 3)).toEqual(['stem', 'layer1.0', '"]; alert(1)']);
  expect(of([1, 2, Number.NaN], { x: { names } }).data).toEqual([
    ['line', 'x', 'y'],
    ['a line', 'stem', 1],
    ['a line', 'layer1.0', 2],
    ['a line', '"]; alert(1)', ''],
  ]);
});

it('names a line and each of its points where the pointer rests on them', async () => {
  const svg = await renderChart(of([1, 2, 3]), sizes.wide);
  const titles = [...svg.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title);
  expect(titles).toEqual(['a line', 'point 1', 'point 2', 'point 3']);
});
