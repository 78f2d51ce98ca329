import { expect, it } from 'vitest';
import { frontierOf } from '../../src/core/frontier.js';

const at = (x: number, y: number): { x: number; y: number } => ({ x, y });

it('keeps what nothing is better than, from the least of one to the most', () => {
  expect(frontierOf([at(4, 1), at(2, 3), at(3, 3), at(1, 9), at(4, 2), at(2.5, 2)])).toEqual([
    at(1, 9),
    at(2, 3),
    at(2.5, 2),
    at(4, 1),
  ]);
});

it('keeps both of two that are the same, and nothing of nothing', () => {
  expect(frontierOf([at(1, 1), at(1, 1)])).toHaveLength(2);
  expect(frontierOf([])).toEqual([]);
});
