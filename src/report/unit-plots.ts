import type { TopLevelSpec } from 'vega-lite';
import type { SimilarityReport } from '../study/similarity-file.js';
import { formatAccuracy } from '../core/text.js';
import { visible } from '../core/visible.js';
import { chart, type Chart, type Line, type Size } from './plot.js';
import type { Section } from './series.js';
import { heatColour } from './styles.js';

/** Cells of more would make the page heavy with text that no pointer finds. */
const mostTitled = 400;

/** How far the classes can be read off each unit's features: a line for each probed run. */
export function probeByUnit({ series }: Section): Chart[] {
  const probed = series.filter(({ runs }) => runs.some(({ probe }) => probe));
  if (probed.length === 0) return [];
  const splits = new Set(probed.flatMap(({ runs }) => runs.flatMap(({ probe }) => probe?.evaluatedOn ?? [])));
  const lines = probed.flatMap(({ label, style, runs }) =>
    runs.flatMap(({ probe, seed }): Line[] => {
      if (!probe) return [];
      const points = probe.units.map(({ name, accuracy }, i) => ({
        x: i + 1,
        y: 100 * accuracy,
        text: `${label}, seed ${seed}, ${visible(name)}: ${formatAccuracy(accuracy)}`,
      }));
      return [{ style, stroke: 'normal', marked: 'all', points }];
    }),
  );
  return [
    chart({
      title: 'Linear probes',
      note: "Accuracy of a linear classifier on each unit's features.",
      legend: probed,
      x: { title: "unit, in the network's order", whole: true },
      y: { title: `${[...splits].join('/')} accuracy, %` },
      lines,
    }),
  ];
}

/** Linear CKA between the units of two runs, a chart for each pair that was compared. */
export function similarities({ series }: Section): Chart[] {
  return series.flatMap(({ runs }) =>
    runs.flatMap((run) =>
      run.similarities.map((report): Chart => {
        const [a, b] = [visible(report.a.label), visible(report.b.label)];
        return {
          title: a === b ? `CKA of ${a} with another run` : `CKA of ${a} with ${b}`,
          note: `How alike their units are, on ${report.images} ${report.evaluatedOn} images: ${visible(report.a.folder)} and ${visible(report.b.folder)}.`,
          legend: [0, 0.25, 0.5, 0.75, 1].map((share) => ({
            label: String(share),
            style: { colour: heatColour(share), shape: 'square', dash: [] },
          })),
          spec: (size) => heatSpec(report, size),
        };
      }),
    ),
  );
}

function heatSpec({ a, b, unitsA, unitsB, similarity }: SimilarityReport, { width }: Size): TopLevelSpec {
  const titled = unitsA.length * unitsB.length <= mostTitled;
  const values = unitsA.flatMap((unitA, i) =>
    unitsB.map((unitB, j) => {
      const value = similarity[i]![j]!;
      const shown = value === null ? 'features that do not vary' : value.toFixed(3);
      return {
        ...{ i: i + 1, j: j + 1, colour: value === null ? 'transparent' : heatColour(value) },
        ...(titled ? { text: visible(`${unitA} and ${unitB}: ${shown}`) } : {}),
      };
    }),
  );
  const axis = { grid: false, labelOverlap: 'greedy', labelAngle: 0 } as const;
  return {
    width,
    height: 0.8 * width,
    data: { values },
    mark: { type: 'rect', ...(titled ? {} : { aria: false }) },
    encoding: {
      x: { field: 'j', type: 'ordinal', title: `units of ${visible(b.label)}`, axis },
      y: { field: 'i', type: 'ordinal', title: `units of ${visible(a.label)}`, axis, sort: 'descending' },
      color: { field: 'colour', type: 'nominal', scale: null },
      ...(titled ? { description: { field: 'text', type: 'nominal' } } : {}),
    },
  } as TopLevelSpec;
}
