import { frontierOf } from '../../core/frontier.js';
import { markup, type Html } from '../markup.js';
import type { Size } from '../plot.js';
import { pointPath } from '../styles.js';
import { leaderTo, placeLabels, type Box, type Named } from './labels.js';
import type { TradePoint } from './points.js';
import { ticksTo } from './ticks.js';

/** What a chart of the trade shows. */
export interface TradePlot {
  readonly points: readonly TradePoint[];
  /** With its unit. */
  readonly xTitle: string;
  readonly yTitle: string;
}

const fontSize = 12;
/** Wider than the letters of a sans-serif face are on average, so that no text is longer than its place. */
const letterWidth = 7.2;
const margin = { left: 44, right: 14, top: 28, bottom: 42 };

/**
 * Draws methods by what they take, memory to the right and time upwards, and their frontier, in the colours of the page's style
 * sheet. Drawn here, not by Vega, because each name has to find its place.
 */
export function drawTrade({ points, xTitle, yTitle }: TradePlot, { width, height }: Size): Html {
  const [right, bottom] = [width - margin.right, height - margin.bottom];
  const xTicks = ticksTo(Math.max(...points.map(({ x }) => x)), Math.floor((right - margin.left) / 70));
  const yTicks = ticksTo(Math.max(...points.map(({ y }) => y)), 5);
  const across = (x: number): number => margin.left + (x / xTicks.at(-1)!) * (right - margin.left);
  const up = (y: number): number => bottom - (y / yTicks.at(-1)!) * (bottom - margin.top);
  const corners = stairs(points, across, up, right, margin.top);
  return markup`<svg class="trade" font-size="${fontSize}" font-family="system-ui, sans-serif" fill="var(--ink)" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
${yTicks.map(
  (
    y,
  ) => markup`<line x1="${margin.left}" x2="${right}" y1="${round(up(y))}" y2="${round(up(y))}" stroke="var(--faint)"></line>
<text x="${margin.left - 7}" y="${round(up(y) + 4)}" text-anchor="end">${y}</text>
`,
)}
${xTicks.map(
  (
    x,
  ) => markup`<line x1="${round(across(x))}" x2="${round(across(x))}" y1="${bottom}" y2="${bottom + 5}" stroke="var(--faint)"></line>
<text x="${round(across(x))}" y="${bottom + 18}" text-anchor="middle">${x}</text>
`,
)}
<text x="2" y="14">${yTitle}</text>
<text x="${(margin.left + right) / 2}" y="${height - 5}" text-anchor="middle">${xTitle}</text>
<polyline points="${corners.join(' ')}" fill="none" stroke="var(--quiet)" stroke-width="1.5" stroke-dasharray="4 3"></polyline>
${marks(points, across, up)}
${names(points, across, up, { left: margin.left + 3, right, top: margin.top - 8, bottom: bottom - 2 }, linesOf(corners))}
</svg>`;
}

type Scale = (value: number) => number;

function marks(points: readonly TradePoint[], across: Scale, up: Scale): Html {
  return markup`<g class="mark-symbol">${points.map(
    ({ x, y, style, text }) =>
      markup`<path transform="translate(${round(across(x) - 13)} ${round(up(y) - 6)})" d="${pointPath(style)}" fill="${style.colour}"><title>${text}</title></path>
`,
  )}</g>`;
}

function names(
  points: readonly TradePoint[],
  across: Scale,
  up: Scale,
  inside: Box,
  drawn: readonly Box[],
): Html[] {
  const named = points.map(({ label, x, y }): Named => ({
    ...{ x: across(x), y: up(y) },
    ...{ width: [...label].length * letterWidth, height: fontSize + 3 },
  }));
  return placeLabels(named, inside, drawn).flatMap((box, i) => {
    if (box === undefined) return [];
    const point = named[i]!;
    const leader = leaderTo(point, box);
    // What is short of its place lies at the end that is next to the point.
    const anchor = box.left >= point.x ? 'start' : box.right <= point.x ? 'end' : 'middle';
    const x = { start: box.left, end: box.right, middle: (box.left + box.right) / 2 }[anchor];
    const line =
      leader &&
      markup`<line x1="${round(point.x)}" y1="${round(point.y)}" x2="${round(leader.x)}" y2="${round(leader.y)}" stroke="var(--quiet)" stroke-width="0.75"></line>
`;
    return [
      markup`${line}<text x="${round(x)}" y="${round(box.bottom - 4)}" text-anchor="${anchor}">${points[i]!.label}</text>
`,
    ];
  });
}

type Corner = readonly [x: number, y: number];

/** The corners of the border behind which a method of the frontier is better: from the top down, and to the right. */
function stairs(
  points: readonly TradePoint[],
  across: Scale,
  up: Scale,
  right: number,
  top: number,
): Corner[] {
  const frontier = frontierOf(points).map(({ x, y }): Corner => [round(across(x)), round(up(y))]);
  return frontier.flatMap(([x, y], i): Corner[] => [
    [x, frontier[i - 1]?.[1] ?? top],
    [x, y],
    [frontier[i + 1]?.[0] ?? right, y],
  ]);
}

/** The lines between corners, as boxes that names keep away from. */
function linesOf(corners: readonly Corner[]): Box[] {
  return corners.slice(1).map(([x, y], i) => {
    const [fromX, fromY] = corners[i]!;
    return {
      ...{ left: Math.min(x, fromX) - 1, right: Math.max(x, fromX) + 1 },
      ...{ top: Math.min(y, fromY) - 1, bottom: Math.max(y, fromY) + 1 },
    };
  });
}

/** A tenth of a pixel is enough. */
const round = (value: number): number => Math.round(value * 10) / 10;
