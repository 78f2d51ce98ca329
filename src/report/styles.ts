/** How a method is drawn, the same in every plot: a colour of the page's style sheet and a point's shape. */
export interface SeriesStyle {
  readonly colour: string;
  readonly shape: string;
  /** Lengths of dash and gap; none for a solid line. */
  readonly dash: readonly number[];
}

/**
 * Colours that people with any common colour blindness tell apart, after Okabe and Ito, each in a tone for light paper
 * and one for a dark screen. The first is the baseline's.
 */
export const palette = [
  { light: '#1f2328', dark: '#e6edf3' },
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#d55e00', dark: '#ff8c42' },
  { light: '#00805d', dark: '#2fc79a' },
  { light: '#b0488a', dark: '#e79ac6' },
  { light: '#946800', dark: '#f0c808' },
  { light: '#6f55c5', dark: '#b7a3ff' },
] as const;

/** Vega's names of them. */
const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down'] as const;

const dashes = [[], [6, 3], [2, 2], [8, 3, 2, 3]] as const;

/** The style of the nth series that is no baseline, or of the nth baseline. */
export function styleOf(n: number, baseline: boolean): SeriesStyle {
  const others = palette.length - 1;
  return {
    colour: `var(--series-${baseline ? 0 : 1 + (n % others)})`,
    shape: shapes[(baseline ? n : n + 1) % shapes.length]!,
    dash: dashes[(baseline ? n : Math.floor(n / others)) % dashes.length]!,
  };
}

/** A point's shape as a path in a box 26 wide and 12 high, around its middle. */
export function pointPath({ shape }: SeriesStyle): string {
  return outlines[shape] ?? outlines['circle'];
}

const outlines: Readonly<Record<string, string>> & { readonly circle: string } = {
  circle: 'M9 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z',
  square: 'M9.5 2.5h7v7h-7Z',
  'triangle-up': 'M13 1.5L17.5 10h-9Z',
  diamond: 'M13 1L17 6L13 11L9 6Z',
  cross: 'M11.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z',
  'triangle-down': 'M13 10.5L17.5 2h-9Z',
  /** Of a heat map: no point, all of the box. */
  cell: 'M0.5 0.5h25v11h-25Z',
};

/** Steps of the ramp from a network's bottom to its top. */
export const rampSteps = 16;

/** The style of the kth of several updates or units, by its place in the network. */
export function rampStyle(k: number, count: number): SeriesStyle {
  const step = count > 1 ? Math.round((k * (rampSteps - 1)) / (count - 1)) : 0;
  return { colour: `var(--ramp-${step})`, shape: 'circle', dash: [] };
}

/** Steps from the least to the most of a heat map. */
export const heatSteps = 33;

/** The colour of a share, 0…1. */
export function heatColour(share: number): string {
  return `var(--heat-${Math.round(Math.min(1, Math.max(0, share)) * (heatSteps - 1))})`;
}
