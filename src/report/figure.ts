import { markup, Html } from './markup.js';
import type { Chart } from './plot.js';
import { renderChart, sizes } from './render.js';
import type { SeriesStyle } from './styles.js';

/** A chart with its caption and legend, drawn once for a wide page and once for a phone and paper. */
export async function figure(chart: Chart): Promise<Html> {
  const [wide, narrow] = [await renderChart(chart, sizes.wide), await renderChart(chart, sizes.narrow)];
  return markup`<figure>
    <figcaption>
      <h3>${chart.title}</h3>
      ${chart.note === undefined ? undefined : markup`<p>${chart.note}</p>`}
    </figcaption>
    <ul class="legend">
      ${chart.legend.map(({ label, style }) => markup`<li>${swatch(style)}<span>${label}</span></li>`)}
    </ul>
    <div class="wide" role="img" aria-label="${chart.title}">${new Html(wide)}</div>
    <div class="narrow" role="img" aria-label="${chart.title}">${new Html(narrow)}</div>
  </figure>`;
}

/** A short line with the point's shape, as the plots draw it. */
export function swatch({ colour, shape, dash }: SeriesStyle): Html {
  return markup`<svg class="swatch" width="26" height="12" aria-hidden="true">
    <line
      x1="1"
      x2="25"
      y1="6"
      y2="6"
      stroke="${colour}"
      stroke-width="2"
      stroke-dasharray="${dash.join(' ')}"
    />
    <path d="${outlines[shape] ?? outlines['circle']}" fill="${colour}" />
  </svg>`;
}

const outlines: Readonly<Record<string, string>> = {
  circle: 'M9 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z',
  square: 'M9.5 2.5h7v7h-7Z',
  'triangle-up': 'M13 1.5L17.5 10h-9Z',
  diamond: 'M13 1L17 6L13 11L9 6Z',
  cross: 'M11.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z',
  'triangle-down': 'M13 10.5L17.5 2h-9Z',
};
