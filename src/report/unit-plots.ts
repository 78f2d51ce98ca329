import { formatAccuracy } from '../core/text.js';
import { visible } from '../core/visible.js';
import type { SimilarityReport } from '../study/similarity-file.js';
import { heatMap } from './heat-map.js';
import { chart, type Chart, type Line } from './plot.js';
import type { RunRecord } from './run-record.js';
import type { Section } from './series.js';

/** How far the classes can be read off each unit's features: a line for each probed run. */
export function probeByUnit({ series }: Section): Chart[] {
  const probed = series.filter(({ runs }) => runs.some(({ probe }) => probe));
  if (probed.length === 0) return [];
  const probes = probed.flatMap(({ runs }) => runs.flatMap(({ probe }) => probe ?? []));
  const splits = new Set(probes.map(({ evaluatedOn }) => evaluatedOn));
  const lines = probed.flatMap(({ label, style, runs }) =>
    runs.flatMap(({ probe, seed }): Line[] => {
      if (!probe) return [];
      const name = `${label}, seed ${seed}`;
      const points = probe.units.map((unit, i) => ({
        x: i + 1,
        y: 100 * unit.accuracy,
        text: `${name}, ${visible(unit.name)}: ${formatAccuracy(unit.accuracy)}`,
      }));
      return [{ name, style, stroke: 'normal', marked: 'all', points }];
    }),
  );
  return [
    chart({
      title: 'Linear probes',
      note: "Accuracy of a linear classifier on each unit's features: what can be read off them of the classes.",
      legend: probed,
      x: {
        title: "unit, in the network's order",
        whole: true,
        names: probes[0]!.units.map(({ name }) => visible(name)),
      },
      y: { title: `${[...splits].join('/')} accuracy, %`, least: 2 },
      lines,
    }),
  ];
}

interface Named {
  readonly run: RunRecord;
  readonly name: string;
}

/** Linear CKA between the units of two runs, a chart for each pair that was compared. */
export function similarities({ series }: Section): Chart[] {
  const all = series.flatMap(({ label, runs }) =>
    runs.map((run): Named => ({ run, name: `${label}, seed ${run.seed}` })),
  );
  return all.flatMap((own) => own.run.similarities.map((report) => similarityMap(own, report, all)));
}

function similarityMap({ name }: Named, report: SimilarityReport, all: readonly Named[]): Chart {
  const { unitsA, unitsB, similarity, images, evaluatedOn } = report;
  const other = all.find(({ run }) => run.name === report.b.folder)?.name ?? visible(report.b.label);
  const isSame = name === other;
  const inFull = (of: string, folder: string): string => (isSame ? `${of} (${visible(folder)})` : of);
  const [namesA, namesB] = [unitsA.map(visible), unitsB.map(visible)];
  return heatMap({
    title: isSame ? `Likeness of units: two runs of ${name}` : `Likeness of units: ${name} and ${other}`,
    note: `Linear CKA of the features that each unit of the one network and of the other makes of the same ${images} ${evaluatedOn} images. 1: the same but for rotation and scale; 0: nothing in common.`,
    quantity: 'CKA',
    x: { title: `units of ${inFull(other, report.b.folder)}`, names: namesB },
    y: { title: `units of ${inFull(name, report.a.folder)}`, names: namesA },
    values: similarity,
    range: [0, 1],
    format: String,
    text: (i, k) => {
      const value = similarity[i]![k]!;
      const shown = value === null ? 'features that do not vary' : `CKA ${value.toFixed(3)}`;
      return `${name}, ${namesA[i]!} and ${other}, ${namesB[k]!}: ${shown}`;
    },
  });
}
