import { Html, markup } from '../markup.js';
import { toneStyles } from '../style-sheet.js';
import { drawTrade, type TradePlot } from './drawing.js';

const size = { width: 860, height: 520 };
const above = 34;

/** The chart as a file of its own, light or dark as the screen is. */
export function standaloneTrade({ title, ...plot }: TradePlot & { readonly title: string }): string {
  const height = size.height + above;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${height}" viewBox="0 0 ${size.width} ${height}">
<style>${new Html(toneStyles)}</style>
<rect width="100%" height="100%" fill="var(--ground)"></rect>
<text x="12" y="24" font-size="15" font-weight="600" font-family="system-ui, sans-serif" fill="var(--ink)">${title}</text>
<svg y="${above}" width="${size.width}" height="${size.height}">${drawTrade(plot, size)}</svg>
</svg>
`.text;
}
