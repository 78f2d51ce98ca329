import { version } from '../core/version.js';
import type { Machine } from '../core/machine.js';
import type { RunIdentity } from '../runs/summary.js';
import { plural } from '../core/text.js';
import {
  accuracyByEpoch,
  accuracyByTime,
  evaluationLoss,
  lossOfSteps,
  metricsByEpoch,
  trainingLoss,
} from './curves.js';
import { accuracyByClass, confusions } from './class-plots.js';
import { figure } from './figure.js';
import { markup, Html } from './markup.js';
import { sizes } from './render.js';
import { runningPart } from './live.js';
import { pagePolicy, saveScript } from './save-script.js';
import { accuracyByMemory, memoryByUpdate, tradeChart } from './memory-plots.js';
import { accuracyByOption } from './option-plots.js';
import type { ReportData } from './read-report.js';
import type { RunRecord } from './run-record.js';
import { sectionsOf, type Section } from './series.js';
import { styleSheet } from './style-sheet.js';
import {
  badFilesList,
  costTable,
  engineOf,
  formatTime,
  processesTable,
  resultsNote,
  resultsTable,
  runsTable,
} from './tables.js';
import { ranksPart } from './ranks.js';
import { weightNotesList } from './weight-notes.js';
import { probeByUnit, similarities } from './unit-plots.js';
import { accuracyByUpdate, lossByUpdate, lossByUpdateAndStep } from './update-plots.js';

export interface PageOptions {
  /** What the report is of. */
  readonly title: string;
  readonly now: Date;
  /** For a page that changes while it is looked at: what keeps it up to date. */
  readonly script?: string;
}

/** The report as one HTML file that fetches nothing. */
export async function page(data: ReportData, { title, now, script }: PageOptions): Promise<string> {
  const sections = sectionsOf(data.runs);
  const parts: Html[] = [];
  for (const section of sections) parts.push(await sectionPart(section));
  const nothing = data.runs.length + data.unreadable.length === 0;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${script === undefined ? policy : undefined}
<title>${title} · locallearn</title>
<style>${new Html(styleSheet)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="quiet">${contents(data, now)}</p>
${nothing ? markup`<p>Waiting for runs.</p>` : undefined}
${script === undefined ? undefined : runningPart(data.runs)}
${parts}
${data.unreadable.length > 0 ? unreadablePart(data.unreadable) : undefined}
${data.runs.length > 0 ? [runsPart(data.runs, now), machinesPart(data.runs), configsPart(sections)] : undefined}
</main>
<script>${new Html(saveScript)}</script>
${script === undefined ? undefined : markup`<script>${new Html(script)}</script>`}
</body>
</html>
`.text;
}

/** A report has no script but that of its figures; should text of a run ever become one, browsers do not run it. */
const policy = markup`<meta http-equiv="Content-Security-Policy" content="${new Html(pagePolicy)}">`;

function contents({ runs }: ReportData, now: Date): string {
  return `${plural(runs.length, 'run')}; made by locallearn ${version} on ${formatTime(now)}`;
}

async function sectionPart(section: Section): Promise<Html> {
  const trained = section.series.some(({ runs }) => runs.some(({ epochs }) => epochs.length > 0));
  const ofEpochs = trained
    ? [accuracyByEpoch, accuracyByTime, accuracyByMemory, memoryByUpdate, trainingLoss, evaluationLoss].map(
        (make) => make(section),
      )
    : [];
  const charts = [
    ...ofEpochs,
    ...accuracyByOption(section),
    ...lossOfSteps(section),
    ...metricsByEpoch(section),
    ...accuracyByClass(section),
  ];
  const lead = trained ? tradeChart(section) : undefined;
  const inside = [
    ...lossByUpdate(section),
    ...lossByUpdateAndStep(section),
    ...accuracyByUpdate(section),
    ...confusions(section),
    ...probeByUnit(section),
    ...similarities(section),
  ];
  const figures: Html[] = [];
  for (const chart of charts) figures.push(await figure(chart));
  const insideFigures: Html[] = [];
  for (const chart of inside) insideFigures.push(await figure(chart));
  return markup`<section>
    <h2>${section.title}</h2>
    ${section.series.some(({ baseline }) => baseline) ? undefined : markup`<p>There is no run of BP here with a finished epoch: nothing to set memory and accuracy against.</p>`}
    ${lead === undefined ? undefined : await figure(lead, sizes.lead)}
    ${resultsTable(section)} ${resultsNote(section)}
    ${costTable(section)}
    ${trained ? undefined : markup`<p>No epoch is finished yet.</p>`}
    ${figures.length > 0 ? markup`<div class="plots">${figures}</div>` : undefined}
    ${
      insideFigures.length > 0
        ? markup`<h2>Inside: update by update, unit by unit</h2>
            <div class="plots">${insideFigures}</div>`
        : undefined
    }
  </section>`;
}

function unreadablePart(unreadable: ReportData['unreadable']): Html {
  return markup`<section>
    <h2>Runs that could not be read</h2>
    <ul>
      ${unreadable.map(({ message }) => markup`<li class="bad">${message}</li>`)}
    </ul>
  </section>`;
}

function runsPart(runs: readonly RunRecord[], now: Date): Html {
  return markup`<section>
    <h2>Runs</h2>
    ${runsTable(runs, now)} ${weightNotesList(runs)} ${badFilesList(runs)}
  </section>`;
}

const meters: Record<RunIdentity['memoryMeter'], string> = {
  'cpu-allocator': 'every byte that libtorch held, at its peak over the training steps',
  'cuda-allocator': 'as torch.cuda.max_memory_allocated counts, at its peak over the training steps',
  'tensor-bytes':
    "what TensorFlow.js's tensors held, at its peak over the training steps; not what its kernels use inside. Reserved is, on Linux, all that the process had in memory at its peak",
};

function machinesPart(runs: readonly RunRecord[]): Html {
  const starts = runs.flatMap(({ log }) => log.starts);
  const machines = distinct(starts.flatMap(({ machine }) => machine ?? []));
  const engines = distinct(starts.map(engineOf));
  const used = distinct(runs.flatMap(({ identity }) => identity?.memoryMeter ?? []));
  return markup`<section>
    <h2>Machine, engine and meter</h2>
    <dl>
      ${machines.map(machineRows)}
      ${
        machines.length === 0
          ? markup`<dt>machine</dt>
              <dd>not recorded</dd>`
          : undefined
      }
      ${engines.map(
        (engine) =>
          markup`<dt>engine</dt>
            <dd>${engine}</dd>`,
      )}
      ${used.map(
        (meter) =>
          markup`<dt>memory meter</dt>
            <dd>${meter}: ${meters[meter]}; 1 MB is 10⁶ bytes</dd>`,
      )}
    </dl>
    ${processesTable(runs)} ${ranksPart(runs)}
  </section>`;
}

function machineRows({ cpu, cores, memoryBytes, system, platform, node, locallearn }: Machine): Html {
  return markup`<dt>machine</dt>
    <dd>
      ${cpu}, ${plural(cores, 'core')}, ${(memoryBytes / 1e9).toFixed(1)} GB of memory
    </dd>
    <dt>system</dt>
    <dd>${system}, ${platform}, Node ${node}, locallearn ${locallearn}</dd>`;
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function configsPart(sections: readonly Section[]): Html {
  return markup`<section class="configs">
    <h2>Configs</h2>
    ${sections.flatMap(({ title, series }) =>
      series.map(({ label, runs }) => {
        const seeds = distinct(runs.map(({ seed }) => seed)).join(', ');
        return markup`<details>
          <summary>
            ${label} <span class="quiet">${title}; ${seeds.includes(',') ? 'seeds' : 'seed'} ${seeds}</span>
          </summary>
          <pre>${runs[0]!.configText}</pre>
        </details>`;
      }),
    )}
  </section>`;
}
