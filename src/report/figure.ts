import { csvText } from '../core/csv-text.js';
import { markup, Html } from './markup.js';
import type { Chart, Size } from './plot.js';
import { renderChart, sizes } from './render.js';
import { pointPath, type SeriesStyle } from './styles.js';

/** A chart with its caption and legend, drawn once for a wide page and once for a phone and paper, and ways to save it. */
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
    ${savePart(chart)}
  </figure>`;
}

function savePart({ title, data }: Chart): Html {
  const name = fileName(title);
  return markup`<p class="save">
    Save as
    ${['svg', 'png'].map(
      (kind) =>
        markup`<button type="button" data-save="${kind}" data-name="${name}.${kind}" aria-label="Save “${title}” as ${kind.toUpperCase()}">${kind.toUpperCase()}</button>
`,
    )}
    <a
      download="${name}.csv"
      href="data:text/csv;charset=utf-8,${inAddress(csvText(data))}"
      aria-label="Save the numbers of “${title}” as CSV"
      >CSV</a
    >
  </p>`;
}

/**
 * Text as a part of an address; what may stand there as it is, and is all over a table, is not made three characters.
 * Halves of surrogate pairs, which no encoding has, are replaced.
 */
function inAddress(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Cs}/gu, '\uFFFD'))
    .replaceAll('%2C', ',')
    .replaceAll('%20', ' ');
}

/** `auglocal-loss-of-each-update` */
function fileName(title: string): string {
  const words = title.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['figure'];
  return [...words.join('-')].slice(0, 80).join('');
}

/** A short line with the point's shape, as the plots draw it. */
export function swatch(style: SeriesStyle): Html {
  const { colour, dash } = style;
  if (style.shape === 'cell') {
    return markup`<svg class="swatch" width="26" height="12" aria-hidden="true">
      <path d="${pointPath(style)}" fill="${colour}" stroke="var(--quiet)" stroke-width="0.5" />
    </svg>`;
  }
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
