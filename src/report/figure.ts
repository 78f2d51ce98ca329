import { markup, Html } from './markup.js';
import type { Chart, Size } from './plot.js';
import { renderChart, sizes } from './render.js';
import { pointPath, type SeriesStyle } from './styles.js';

/** A chart with its caption and legend, drawn once for a wide page and once for a phone and paper. */
export async function figure(chart: Chart, size: Size = sizes.wide): Promise<Html> {
  const [wide, narrow] = [await renderChart(chart, size), await renderChart(chart, sizes.narrow)];
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
export function swatch(style: SeriesStyle): Html {
  const { colour, dash } = style;
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
    <path d="${pointPath(style)}" fill="${colour}" />
  </svg>`;
}
