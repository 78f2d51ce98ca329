import { parse, View } from 'vega';
import { compile, type Config } from 'vega-lite';
import { Html } from './markup.js';
import type { Chart, Size } from './plot.js';

/** Plots for a screen or a sheet that is wide enough for two columns of paper or one of a desktop, and for a phone. */
export const sizes = {
  wide: { width: 540, height: 300 },
  /** Of the chart that a section begins with, on a desktop. */
  lead: { width: 1140, height: 400 },
  narrow: { width: 324, height: 250 },
} as const satisfies Record<string, Size>;

const ink = 'var(--ink)';
const faint = 'var(--faint)';
const text = {
  labelFontSize: 12,
  titleFontSize: 12,
  labelColor: ink,
  titleColor: ink,
  titleFontWeight: 'normal',
} as const;

/** Colours are the page's own, so that one drawing does for light, dark and paper. */
const theme: Config = {
  autosize: { type: 'fit', contains: 'padding' },
  padding: { left: 2, right: 10, top: 4, bottom: 2 },
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: { ...text, gridColor: faint, domainColor: faint, tickColor: faint, labelFlush: false },
  axisY: {
    titleAngle: 0,
    titleAlign: 'left',
    titleAnchor: 'end',
    titleX: 0,
    titleY: -14,
    domain: false,
    ticks: false,
    labelPadding: 6,
  },
  axisX: { titlePadding: 4 },
};

/** Draws a chart as SVG, without a browser. Points tell their values by a title of their own. */
export async function renderChart({ spec }: Chart, size: Size): Promise<string> {
  const drawn = spec(size);
  if (drawn instanceof Html) return drawn.text;
  const { spec: vega } = compile(drawn, { config: theme });
  const view = new View(parse(vega), { renderer: 'none' });
  try {
    return tidy(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Vega escapes `"`, `<` and `>` in attributes, so that a tag ends at its first `>`. */
function tidy(svg: string): string {
  return svg
    .replaceAll(
      / (d|transform)="([^"]*)"/g,
      (_, name: string, value: string) => ` ${name}="${rounded(value)}"`,
    )
    .replaceAll(/(<(path|line) aria-label="([^"]*)"[^>]*)\/>/g, '$1><title>$3</title></$2>')
    .replace(/ (xmlns|xmlns:xlink|version)="[^"]*"/g, '');
}

/** A hundredth of a pixel is enough; Vega writes all digits. */
function rounded(coordinates: string): string {
  return coordinates.replaceAll(/-?\d+\.\d{3,}(e-?\d+)?/g, (number) =>
    String(Math.round(Number(number) * 100) / 100),
  );
}
