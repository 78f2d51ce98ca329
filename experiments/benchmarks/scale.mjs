// Time and memory of a training step against depth and against batch, drawn: node experiments/benchmarks/scale.mjs
// Writes experiments/results/scale/{scale.json,depth.svg,batch.svg}. `npm run build` first; takes minutes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: args } = parseArgs({
  options: {
    methods: { type: 'string', default: 'bp,auglocal,man,hpff' },
    depths: { type: 'string', default: '32,56,110,218' },
    batches: { type: 'string', default: '32,64,128,256' },
    /** At which depths are compared, and the depth at which batches are. */
    batch: { type: 'string', default: '64' },
    depth: { type: 'string', default: '32' },
    steps: { type: 'string', default: '5' },
  },
});
const out = fileURLToPath(new URL('../results/scale/', import.meta.url));
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const methods = args.methods.split(',');

/** Every method at one depth and batch, cut at every unit; a process of its own. */
function bench(depth, batch) {
  const units = (depth - 2) / 2 + 1;
  const options = { methods: args.methods, depth, batch, blocks: units, steps: args.steps };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, 'bench', ...flags, '--json'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  process.stderr.write(`depth ${depth}, batch ${batch}\n`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ method, imagesPerSecond, peakMemoryBytes }) => ({
      ...{ method, depth, units, batch },
      secondsPerStep: batch / imagesPerSecond,
      peakMemoryBytes,
    }));
}

/** Lines of one quantity, from zero, in SVG that reads on light and on dark. */
function panel(title, unit, xName, rows, x, y) {
  const [width, height, left, bottom, top] = [430, 300, 62, 42, 34];
  const colours = { bp: '#888888', auglocal: '#d9603b', man: '#3b7dd9', hpff: '#3a9a5c' };
  const most = Math.max(...rows.map(y)) * 1.05;
  const widest = Math.max(...rows.map(x)) * 1.05;
  const sx = (value) => left + (value / widest) * (width - left - 90);
  const sy = (value) => height - bottom - (value / most) * (height - bottom - top);
  const step = niceStep(most / 5);
  const parts = [`<text x="${left}" y="18" font-weight="600">${title}</text>`];
  for (let value = 0; value <= most; value += step) {
    parts.push(
      `<line x1="${left}" x2="${width - 90}" y1="${sy(value)}" y2="${sy(value)}" stroke="#8884"/>`,
      `<text x="${left - 6}" y="${sy(value) + 4}" text-anchor="end">${Number(value.toPrecision(6))}</text>`,
    );
  }
  for (const value of new Set(rows.map(x))) {
    parts.push(`<text x="${sx(value)}" y="${height - bottom + 16}" text-anchor="middle">${value}</text>`);
  }
  parts.push(
    `<text x="${(left + width - 90) / 2}" y="${height - 8}" text-anchor="middle">${xName}</text>`,
    `<text transform="translate(12 ${(height - bottom + top) / 2}) rotate(-90)" text-anchor="middle">${unit}</text>`,
  );
  let lowest = Infinity;
  const ends = methods
    .map((method) => ({ method, points: rows.filter((row) => row.method === method) }))
    .map((line) => ({ ...line, end: sy(y(line.points.at(-1))) }))
    .toSorted((a, b) => b.end - a.end);
  for (const { method, points, end } of ends) {
    lowest = Math.min(end, lowest - 14); // labels do not overlap
    const path = points.map((row) => `${sx(x(row)).toFixed(1)},${sy(y(row)).toFixed(1)}`);
    const colour = colours[method] ?? '#aa55aa';
    parts.push(
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...path.map(
        (at) => `<circle cx="${at.split(',')[0]}" cy="${at.split(',')[1]}" r="3" fill="${colour}"/>`,
      ),
      `<text x="${sx(x(points.at(-1))) + 10}" y="${lowest + 4}" fill="${colour}">${method}</text>`,
    );
  }
  return { width, height, body: parts.join('\n') };
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

function draw(name, panels) {
  const width = panels.reduce((sum, each) => sum + each.width, 0);
  const body = panels
    .map((each, i) => `<g transform="translate(${i * panels[0].width} 0)">\n${each.body}\n</g>`)
    .join('\n');
  writeFileSync(
    `${out}${name}.svg`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${panels[0].height}" font-family="system-ui, sans-serif" font-size="12" fill="#777">\n${body}\n</svg>\n`,
  );
}

const numbers = (list) => list.split(',').map(Number);
const byDepth = numbers(args.depths).flatMap((depth) => bench(depth, Number(args.batch)));
const byBatch = numbers(args.batches).flatMap((batch) => bench(Number(args.depth), batch));
mkdirSync(out, { recursive: true });
const machine = `${cpus()[0].model}, ${cpus().length} cores`;
writeFileSync(
  `${out}scale.json`,
  `${JSON.stringify({ machine, node: process.version, ...args, byDepth, byBatch }, null, 1)}\n`,
);
const seconds = (row) => row.secondsPerStep;
const megabytes = (row) => row.peakMemoryBytes / 1e6;
draw('depth', [
  panel(`Time of a step, batch ${args.batch}`, 'seconds', 'units', byDepth, (row) => row.units, seconds),
  panel(`Peak memory, batch ${args.batch}`, 'MB', 'units', byDepth, (row) => row.units, megabytes),
]);
draw('batch', [
  panel(`Time of a step, ResNet-${args.depth}`, 'seconds', 'batch', byBatch, (row) => row.batch, seconds),
  panel(`Peak memory, ResNet-${args.depth}`, 'MB', 'batch', byBatch, (row) => row.batch, megabytes),
]);
