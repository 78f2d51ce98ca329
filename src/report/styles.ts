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
export const shapes = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down'] as const;

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

/** Steps of the ramp from a network's bottom to its top. */
export const rampSteps = 16;

/** The style of the kth of several updates or units, by its place in the network. */
export function rampStyle(k: number, count: number): SeriesStyle {
  const step = count > 1 ? Math.round((k * (rampSteps - 1)) / (count - 1)) : 0;
  return { colour: `var(--ramp-${step})`, shape: 'circle', dash: [] };
}

/** Steps from none to full similarity. */
export const heatSteps = 11;

/** The colour of a share, 0…1. */
export function heatColour(share: number): string {
  return `var(--heat-${Math.round(Math.min(1, Math.max(0, share)) * (heatSteps - 1))})`;
}
