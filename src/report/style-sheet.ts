import { mix } from './colours.js';
import { heatSteps, palette, rampSteps } from './styles.js';

type Tone = 'light' | 'dark';

/** Bottom, middle and top of the network. */
const ramp = {
  light: ['#c77700', '#c2447e', '#3b2fa0'],
  dark: ['#ffc46b', '#ff7fa8', '#9aa5ff'],
} as const satisfies Record<Tone, readonly string[]>;

/** None and full. */
const heat = {
  light: ['#e4ebf2', '#08306b'],
  dark: ['#1f2a37', '#b9dcff'],
} as const satisfies Record<Tone, readonly string[]>;

const paper = {
  light: {
    ...{ ink: '#1f2328', quiet: '#59636e', faint: '#d8dee4', ground: '#ffffff', card: '#f6f8fa' },
    ...{ link: '#0059b3', bad: '#b3261e', good: '#1a7f37' },
  },
  dark: {
    ...{ ink: '#e6edf3', quiet: '#9da7b3', faint: '#3a424c', ground: '#0d1117', card: '#161b22' },
    ...{ link: '#6cb6ff', bad: '#ff8a80', good: '#56d364' },
  },
} as const satisfies Record<Tone, Readonly<Record<string, string>>>;

/** Everything that differs between a light and a dark page: colours by the names of custom properties. */
function colours(name: Tone): Readonly<Record<string, string>> {
  const series = palette.map((colour, i): [string, string] => [`series-${i}`, colour[name]]);
  const [bottom, middle, top] = ramp[name];
  const steps = Array.from({ length: rampSteps }, (_, i): [string, string] => {
    const place = (2 * i) / (rampSteps - 1);
    return [`ramp-${i}`, place <= 1 ? mix(bottom, middle, place) : mix(middle, top, place - 1)];
  });
  const heats = Array.from({ length: heatSteps }, (_, i): [string, string] => [
    `heat-${i}`,
    mix(heat[name][0], heat[name][1], i / (heatSteps - 1)),
  ]);
  const all: Readonly<Record<string, string>> = {
    ...paper[name],
    ...Object.fromEntries([...series, ...steps, ...heats]),
  };
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [`--${key}`, value]));
}

/** What each custom property is on paper. */
export const lightColours = colours('light');

function tone(name: Tone): string {
  const properties = Object.entries(colours(name)).map(([key, value]) => `${key}: ${value};`);
  return `color-scheme: ${name}; ${properties.join(' ')}`;
}

/** Both tones' colours, by what the screen is. */
export const toneStyles = `:root { ${tone('light')} }
@media screen and (prefers-color-scheme: dark) { :root { ${tone('dark')} } }`;

/** The page's style sheet. No fonts, no images: nothing is fetched. */
export const styleSheet = `
${toneStyles}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 24px; max-width: 1240px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 40px 0 12px; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0 0 12px; }
.quiet, figcaption p { color: var(--quiet); font-size: .875rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 574px), 1fr)); gap: 20px; margin: 20px 0; }
figure { margin: 0; padding: 14px 16px; background: var(--card); border: 1px solid var(--faint); border-radius: 8px; min-width: 0; }
figcaption p { margin: 2px 0 0; }
figure svg { display: block; max-width: 100%; height: auto; }
body[data-lost]:not([data-lost=''])::before { content: attr(data-lost); display: block; color: var(--bad); margin-bottom: 12px; }
.narrow { display: none; }
.save { display: flex; gap: 6px; align-items: baseline; margin: 8px 0 0; color: var(--quiet); font-size: .8125rem; }
.save button, .save a { padding: 0 6px; border: 1px solid var(--faint); border-radius: 4px; background: none; color: var(--link); font: inherit; text-decoration: none; cursor: pointer; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; list-style: none; margin: 8px 0 10px; padding: 0; font-size: .8125rem; }
.legend li { display: flex; align-items: center; gap: 5px; min-width: 0; }
.swatch { flex: none; display: inline-block; vertical-align: middle; }
.scroll { overflow-x: auto; margin-top: 16px; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--faint); vertical-align: top; overflow-wrap: normal; }
th { font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child, .words { text-align: left; }
td.words, th.words { overflow-wrap: anywhere; min-width: 8em; }
.lists .words { min-width: 15em; }
.scroll + .quiet { margin-top: 8px; }
@media screen and (min-width: 1101px) { td:not(.words) { white-space: nowrap; } td, th { padding: 6px 8px; } table { font-size: .875rem; } }
thead th { border-bottom: 2px solid var(--quiet); }
.bad { color: var(--bad); }
.good { color: var(--good); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 16px; font-size: .9375rem; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
details { margin: 0 0 8px; border: 1px solid var(--faint); border-radius: 8px; padding: 8px 14px; }
summary { cursor: pointer; font-weight: 600; }
pre { margin: 8px 0 4px; white-space: pre-wrap; font: .8125rem/1.45 ui-monospace, monospace; }
progress { width: 100%; max-width: 320px; accent-color: var(--link); }
@media screen and (max-width: 700px) {
  body { padding: 14px; }
  .plots { grid-template-columns: minmax(0, 1fr); gap: 14px; }
  figure { padding: 12px 8px; }
  .wide { display: none; }
  .narrow { display: block; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 6px; }
  table, tbody { display: block; }
  td::before { content: attr(data-name); color: var(--quiet); }
  td { display: flex; justify-content: space-between; gap: 16px; padding: 2px 0; border: 0; }
  /* A row becomes a card: nothing is cut off, nothing scrolls sideways. */
  .cards thead { display: none; }
  .cards tr { display: block; border: 1px solid var(--faint); border-radius: 8px; padding: 8px 12px; margin-bottom: 10px; }
  .cards td:first-child { font-weight: 600; font-size: 1.05rem; }
  .cards td:first-child::before { content: none; }
  /* A column becomes a list: each quantity of all rows together, as they are compared. */
  .lists { display: grid; grid-template-columns: minmax(0, 1fr); }
  .lists :is(thead, tbody, tr) { display: contents; }
  .lists :is(th, td):first-child { display: none; }
  .lists th { display: block; text-align: left; padding: 12px 0 2px; border-bottom: 1px solid var(--faint); }
  .lists td::before { content: attr(data-row); min-width: 0; text-align: left; overflow-wrap: anywhere; }
  .lists td > span { flex: none; max-width: 62%; }
}
@media print {
  @page { margin: 14mm; }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  h2 { break-after: avoid; margin-top: 22px; }
  .plots { grid-template-columns: 1fr 1fr; gap: 14px 10px; }
  figure { break-inside: avoid; padding: 0; background: none; border: 0; }
  .wide { display: none; }
  .narrow { display: block; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  th, td { padding: 3px 5px; }
  td.words, th.words, .lists .words { min-width: 0; }
  tr { break-inside: avoid; }
  .configs { columns: 2; column-gap: 10px; break-before: page; }
  .configs h2 { column-span: all; }
  details { padding: 4px 8px; }
  summary { break-after: avoid; }
  pre { font-size: 7.5pt; }
  details::details-content { content-visibility: visible; height: auto; }
  .save { display: none; }
}
`;
