import { formatBytes, formatCount } from '../../core/text.js';
import { frontierOf } from '../../core/frontier.js';

/** A point on a chart made of letters. */
export interface LetterPoint {
  readonly letter: string;
  /** Bytes. */
  readonly x: number;
  /** Multiply-adds. */
  readonly y: number;
  readonly isOnFrontier: boolean;
}

const [columns, rows] = [64, 15];

/**
 * Memory to the right, multiply-adds upwards, both from 0; the frontier is dotted. Of letters that fall on one place the
 * later ones stand beside it.
 */
export function terminalChart(points: readonly LetterPoint[]): string {
  if (points.length === 0) return '';
  const [mostX, mostY] = [Math.max(...points.map(({ x }) => x)), Math.max(...points.map(({ y }) => y))];
  const column = (x: number): number => Math.round((x / mostX) * (columns - 1));
  const row = (y: number): number => rows - 1 - Math.round((y / mostY) * (rows - 1));
  const grid = Array.from({ length: rows }, () => Array.from({ length: columns + points.length }, () => ' '));
  const frontier = frontierOf(points).map(({ x, y }) => [column(x), row(y)] as const);
  frontier.forEach(([x, y], i) => {
    const [nextX, nextY] = frontier[i + 1] ?? [columns - 1, y];
    for (let at = x; at <= nextX; at++) grid[y]![at] = '·';
    for (let at = y; at <= nextY; at++) grid[at]![nextX] = '·';
  });
  for (const { letter, x, y } of points) {
    const line = grid[row(y)]!;
    let at = column(x);
    while (/[a-zA-Z]/.test(line[at]!)) at++;
    line[at] = letter;
  }
  const top = formatCount(mostY);
  const label = (i: number): string => (i === 0 ? top : i === rows - 1 ? '0' : '').padStart(top.length);
  const right = formatBytes(mostX);
  return [
    `${' '.repeat(top.length)} multiply-adds a step`,
    ...grid.map((line, i) => `${label(i)} ${i === rows - 1 ? '└' : '│'}${line.join('').trimEnd()}`),
    `${' '.repeat(top.length + 2)}0${right.padStart(columns - 1)}  peak memory`,
    '',
  ].join('\n');
}
