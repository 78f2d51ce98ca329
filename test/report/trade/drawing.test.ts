import { expect, it } from 'vitest';
import { drawTrade } from '../../../src/report/trade/drawing.js';
import { leaderTo, placeLabels, type Box, type Named } from '../../../src/report/trade/labels.js';
import { ticksTo } from '../../../src/report/trade/ticks.js';
import { styleOf } from '../../../src/report/styles.js';
import { randomStream } from '../../../src/core/random.js';

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

it('places names so that none covers another or a point, and all stay inside', () => {
  const random = randomStream(1, 'labels');
  const inside = { left: 40, top: 20, right: 310, bottom: 210 };
  const points = Array.from({ length: 24 }, (): Named => ({
    ...{ x: 50 + 240 * random.uniform() ** 2, y: 30 + 170 * random.uniform() },
    ...{ width: 90, height: 15 },
  }));
  const boxes = placeLabels(points, inside);
  const placed = boxes.flatMap((box) => box ?? []);
  expect(placed.length).toBeGreaterThan(8);
  placed.forEach((box, i) => {
    expect(box.left >= inside.left && box.right <= inside.right).toBe(true);
    expect(box.top >= inside.top && box.bottom <= inside.bottom).toBe(true);
    expect(placed.some((other, k) => k !== i && overlap(box, other))).toBe(false);
    for (const { x, y } of points) {
      expect(box.left < x && x < box.right && box.top < y && y < box.bottom).toBe(false);
    }
  });
});

it('keeps names off drawn lines where there is room, and leads to those that are far', () => {
  const point = { x: 100, y: 100, width: 60, height: 15 };
  const inside = { left: 0, top: 0, right: 200, bottom: 200 };
  const [beside] = placeLabels([point], inside);
  expect([beside!.left, leaderTo(point, beside!)]).toEqual([109, undefined]);
  const line = { left: 90, right: 200, top: 99, bottom: 101 };
  const [moved] = placeLabels([point], inside, [line]);
  expect(overlap(moved!, line)).toBe(false);
  expect(leaderTo(point, { left: 150, right: 210, top: 40, bottom: 55 })).toEqual({ x: 150, y: 55 });
});

it('has round values on its axes', () => {
  expect(ticksTo(82.9, 4)).toEqual([0, 50, 100]);
  expect(ticksTo(0.7, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  expect(ticksTo(4, 5)).toEqual([0, 1, 2, 3, 4]);
  expect(ticksTo(0, 5).at(-1)).toBeGreaterThan(0);
});

it('draws the frontier through what nothing is better than', () => {
  const point = (label: string, x: number, y: number) => ({
    ...{ label, x, y, text: `${label} <b>`, style: styleOf(0, false) },
  });
  const { text } = drawTrade(
    { points: [point('a', 10, 4), point('b', 5, 8), point('worse', 9, 9)], xTitle: 'MB', yTitle: 'ms' },
    { width: 324, height: 250 },
  );
  const [, corners = ''] = /<polyline points="([^"]*)"/.exec(text) ?? [];
  const places = [...text.matchAll(/<path transform="translate\(([\d.]+) ([\d.]+)\)/g)].map(
    ([, x, y]) => `${Number(x) + 13},${Number(y) + 6}`,
  );
  expect(places).toHaveLength(3);
  expect(corners.split(' ')).toContain(places[0]);
  expect(corners.split(' ')).toContain(places[1]);
  expect(corners.split(' ')).not.toContain(places[2]);
  expect(text).toContain('<title>a &lt;b&gt;</title>');
});
