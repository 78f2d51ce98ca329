import { createHash } from 'node:crypto';
import { lightColours } from './style-sheet.js';

/**
 * Saves a figure as an SVG or PNG file, from what the page has: nothing is fetched. The legend comes along, colours are
 * those of paper, as plain ones that any program reads, and a PNG has 4 pixels for one.
 */
export const saveScript = `
const paper = ${JSON.stringify(lightColours)};
const font = 'Helvetica, Arial, sans-serif';
const inPlainColours = (text) => text
  .replace(/var\\((--[\\w-]+)\\)/g, (_, name) => paper[name])
  .replaceAll('system-ui, sans-serif', font);
const drawingOf = (figure) => {
  const plot = figure.querySelector('.wide > svg').cloneNode(true);
  const [width, height] = ['width', 'height'].map((name) => Number(plot.getAttribute(name)));
  const make = (name, attributes, parent) => {
    const element = document.createElementNS(plot.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent?.append(element);
    return element;
  };
  const drawing = make('svg', {});
  const ground = make('rect', { width: '100%', height: '100%', fill: '#ffffff' }, drawing);
  const ruler = document.createElement('canvas').getContext('2d');
  ruler.font = '12px ' + font;
  let [x, y, right] = [4, 4, width];
  for (const item of figure.querySelectorAll('.legend li')) {
    const label = item.querySelector('span').textContent;
    const wide = 32 + ruler.measureText(label).width;
    if (x > 4 && x + wide > width) [x, y] = [4, y + 20];
    const entry = make('g', { transform: 'translate(' + x + ' ' + y + ')' }, drawing);
    const swatch = item.querySelector('svg').cloneNode(true);
    for (const name of ['class', 'aria-hidden']) swatch.removeAttribute(name);
    swatch.setAttribute('y', '2');
    entry.append(swatch);
    make('text', { x: 30, y: 12, 'font-size': 12, 'font-family': font, fill: 'var(--ink)' }, entry).textContent = label;
    right = Math.max(right, x + wide);
    x += wide + 12;
  }
  const below = x > 4 ? y + 26 : 4;
  plot.setAttribute('y', below);
  drawing.append(plot);
  const size = [Math.ceil(right), below + height];
  for (const [name, value] of Object.entries({ width: size[0], height: size[1], viewBox: '0 0 ' + size.join(' ') }))
    drawing.setAttribute(name, value);
  return { text: inPlainColours(new XMLSerializer().serializeToString(drawing)), size };
};
const download = (blob, name) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
const pixels = async ({ text, size: [width, height] }) => {
  const url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [4 * width, 4 * height];
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
};
document.addEventListener('click', async ({ target }) => {
  const button = target.closest?.('button[data-save]');
  if (!button) return;
  const { save: kind, name } = button.dataset;
  const drawing = drawingOf(button.closest('figure'));
  download(kind === 'png' ? await pixels(drawing) : new Blob([drawing.text], { type: 'image/svg+xml' }), name);
});
`;

/** How a content security policy names a script that a browser may run. */
export function hashOf(script: string): string {
  return `'sha256-${createHash('sha256').update(script).digest('base64')}'`;
}

/** What the page's own styles and its script of figures need, and nothing from elsewhere. */
export const pagePolicy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashOf(saveScript)}; img-src blob:`;
