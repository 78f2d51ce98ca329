// Draws what scale.mjs measured, and says it in a README.
import { writeFileSync } from 'node:fs';
import { mean } from '../../dist/core/stats.js';

const names = { bp: 'BP', auglocal: 'AugLocal', man: 'MAN', hpff: 'HPFF' };
const colours = { bp: '#808080', auglocal: '#d9603b', man: '#3b7dd9', hpff: '#3a9a5c' };
const nameOf = (method) => names[method] ?? method;

const [width, height, left, right, bottom, top] = [490, 330, 70, 122, 52, 46];

export function drawScale(folder, { command, machine, steps, methods, batch, depth, byDepth, byBatch }) {
  const seconds = { of: (row) => row.secondsPerStep, unit: 'seconds a step', fit: true };
  const memory = { of: (row) => row.peakMemoryBytes / 1e6, unit: 'peak memory, MB', fit: false };
  const features = {
    of: (row) => (row.peakMemoryBytes - row.heldMemoryBytes) / 1e6,
    unit: 'peak beyond what is held, MB',
    fit: false,
  };
  const units = { of: (row) => row.units, unit: 'residual units (network depth)' };
  const images = { of: (row) => row.batch, unit: 'images a batch' };
  const panels = (rows, x, where) => [
    panel(`Time of a training step, ${where}`, methods, rows, x, seconds),
    panel(`Peak memory, ${where}`, methods, rows, x, memory),
    panel('Of that, activations and gradients', methods, rows, x, features),
  ];
  draw(`${folder}/depth.svg`, panels(byDepth, units, `batch ${batch}`));
  draw(`${folder}/batch.svg`, panels(byBatch, images, `ResNet-${depth}`));
  writeFileSync(
    `${folder}/README.md`,
    `# Time and memory of a training step, by depth and by batch

Measured by \`${command}\` on ${machine}: medians of ${steps} steps on random images of
32×32, CIFAR ResNets, every unit a block of its own (AugLocal's auxiliary depth 2; its last 3 units are one block).
Memory is what the engine's allocator held at most; the last figure of a cell leaves out what is held between steps,
parameters, running statistics and optimiser state, which grow with depth, auxiliary nets' included. Dashed: the straight line that fits best.

${table('By depth', `batch ${batch}`, methods, byDepth, units)}
![time and memory by depth](depth.svg)

${table('By batch', `ResNet-${depth}`, methods, byBatch, images)}
![time and memory by batch](batch.svg)
`,
  );
}

/** The least-squares line, and the share of the variance that it explains; undefined for fewer than three points. */
export function fitLine(points) {
  if (points.length < 3) return undefined;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const sum = (f) => points.reduce((total, [x, y]) => total + f(x - mx, y - my), 0);
  const slope = sum((x, y) => x * y) / sum((x) => x * x);
  const intercept = my - slope * mx;
  const rest = points.reduce((total, [x, y]) => total + (y - intercept - slope * x) ** 2, 0);
  return { slope, intercept, r2: 1 - rest / sum((_, y) => y * y) };
}

const mb = (bytes) => (bytes / 1e6).toFixed(0);
const beyond = (row) => row.peakMemoryBytes - row.heldMemoryBytes;

function table(title, where, methods, rows, x) {
  const columns = [...new Set(rows.map(x.of))].toSorted((a, b) => a - b);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const body = methods.map((method) => {
    const own = rows.filter((row) => row.method === method).toSorted((a, b) => x.of(a) - x.of(b));
    const fit = fitLine(own.map((row) => [x.of(row), row.secondsPerStep]));
    const memory = own.map(beyond);
    return line([
      nameOf(method),
      ...own.map(
        (row) => `${row.secondsPerStep.toFixed(2)} s, ${mb(row.peakMemoryBytes)}, ${mb(beyond(row))} MB`,
      ),
      fit === undefined ? '' : fit.r2.toFixed(4),
      `×${(memory.at(-1) / memory[0]).toFixed(2)}`,
    ]);
  });
  const head = [x.unit, ...columns, 'R² of a line through the times', 'last figure, last to first'];
  return `## ${title} (${where})

${[line(head), line(head.map(() => '---')), ...body].join('\n')}
`;
}

/** Each method's quantity, axes from zero, in SVG that reads on light and on dark. */
function panel(title, methods, rows, x, y) {
  const most = Math.max(...rows.map(y.of)) * 1.05;
  const widest = Math.max(...rows.map(x.of)) * 1.03;
  const sx = (value) => left + (value / widest) * (width - left - right);
  const sy = (value) => height - bottom - (value / most) * (height - bottom - top);
  const parts = [`<text x="${left}" y="20" font-weight="600" font-size="13">${title}</text>`];
  const step = niceStep(most / 5);
  for (let i = 0; i * step <= most; i++) {
    const value = i * step;
    parts.push(
      `<line x1="${left}" x2="${width - right}" y1="${sy(value)}" y2="${sy(value)}" stroke="#8884"/>`,
      `<text x="${left - 8}" y="${sy(value) + 4}" text-anchor="end">${Number(value.toPrecision(6))}</text>`,
    );
  }
  for (const value of new Set(rows.map(x.of))) {
    parts.push(
      `<line x1="${sx(value)}" x2="${sx(value)}" y1="${sy(0)}" y2="${sy(0) + 4}" stroke="#888"/>`,
      `<text x="${sx(value)}" y="${sy(0) + 18}" text-anchor="middle">${value}</text>`,
    );
  }
  parts.push(
    `<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">${x.unit}</text>`,
    `<text transform="translate(16 ${(height - bottom + top) / 2}) rotate(-90)" text-anchor="middle">${y.unit}</text>`,
  );
  const lines = methods
    .map((method) => ({
      method,
      points: rows
        .filter((row) => row.method === method)
        .map((row) => [x.of(row), y.of(row)])
        .toSorted(([a], [b]) => a - b),
    }))
    .toSorted((a, b) => a.points.at(-1)[1] - b.points.at(-1)[1]);
  let label = Infinity;
  for (const { method, points } of lines) {
    const colour = colours[method] ?? '#aa55aa';
    const end = sy(points.at(-1)[1]);
    label = Math.min(end, label - 15); // labels do not overlap
    const fit = y.fit ? fitLine(points) : undefined;
    if (fit !== undefined) {
      const from = Math.max(0, -fit.intercept / fit.slope);
      const line = [from, points.at(-1)[0]].map((at) => [sx(at), sy(fit.intercept + fit.slope * at)]);
      parts.push(
        `<polyline points="${line.join(' ')}" fill="none" stroke="${colour}" stroke-dasharray="4 3"/>`,
      );
    } else {
      const path = points.map(([a, b]) => [sx(a), sy(b)]);
      parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    }
    for (const [a, b] of points) parts.push(`<circle cx="${sx(a)}" cy="${sy(b)}" r="3.5" fill="${colour}"/>`);
    const note = fit === undefined ? '' : `<tspan font-size="10" dx="5">R² ${fit.r2.toFixed(3)}</tspan>`;
    parts.push(
      `<text x="${sx(points.at(-1)[0]) + 9}" y="${label + 4}" fill="${colour}">${nameOf(method)}${note}</text>`,
    );
  }
  return parts.join('\n');
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

function draw(file, panels) {
  const body = panels.map((each, i) => `<g transform="translate(${i * width} 0)">\n${each}\n</g>`).join('\n');
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panels.length * width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#777">\n${body}\n</svg>\n`,
  );
}
