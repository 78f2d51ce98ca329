import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { builtInRegistry } from '../../src/config/registry.js';
import type { MethodConfig } from '../../src/config/method-config.js';
import { UserError } from '../../src/core/errors.js';
import type { RecomputePlan } from '../../src/engine/recompute-choices.js';
import { chooseMethod } from '../../src/measure/memory/choose-method.js';
import { measureMethod } from '../../src/measure/memory/report.js';
import { settingOf, type MemorySetting } from '../../src/measure/memory/setting.js';
import { agreeToTrain } from '../../src/runs/agree.js';
import type { Experiment } from '../../src/runs/experiment.js';
import type { RunObserver } from '../../src/runs/observer.js';
import { resumeRun } from '../../src/runs/resume.js';
import { runExperiment } from '../../src/runs/run.js';
import { readRunLog } from '../../src/runs/run-log.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { memoryGroups } from '../support/memory-group.js';
import { stripes } from '../support/stripes.js';

const configOf = (method: string, accumulate = 1) =>
  parseConfig(
    `{ name: tiny, data: { name: cifar10 }, network: { name: resnet, layers: 14 }, method: ${method},
       train: { epochs: 2, batchSize: 8, learningRate: 0.01, workers: 0, accumulate: ${accumulate} } }`,
    'c.yaml',
  );

describe.skipIf(!hasTorch)('what a run recomputes to stay within a budget', () => {
  let experiment: Experiment;
  let folder: string;
  beforeAll(async () => {
    const engine = await startEngine('torch');
    experiment = { config: configOf('{ method: bp }'), registry: builtInRegistry, engine, dataset: stripes };
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-plan-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const settingFor = (batchSize: number, accumulate = 1): MemorySetting => ({
    ...settingOf(configOf('{ method: bp }', accumulate), {
      ...{ engine: experiment.engine, registry: builtInRegistry },
      ...{ classes: stripes.classes.length, imageShape: stripes.imageShape },
    }),
    batchSize,
  });
  const peakOf = async (setting: MemorySetting, recompute = 'none'): Promise<number> => {
    const { method } = configOf(`{ method: bp, recompute: ${recompute} }`);
    return (await measureMethod(setting, method!)).step!.peakBytes;
  };
  const withBudget = (bytes: number): MethodConfig =>
    configOf(`{ method: bp, recompute: auto, memory: ${bytes} }`).method!;

  it('is not chosen anew when it goes on', async () => {
    const [none, units] = [await peakOf(settingFor(8)), await peakOf(settingFor(8), 'units')];
    const method = withBudget(Math.ceil((none + units) / 2));
    const own = { ...experiment, config: { ...experiment.config, method } };
    const abort = new AbortController();
    const notes: string[] = [];
    const observer: RunObserver = {
      ...{ start: () => {}, end: () => {} },
      note: (message) => void notes.push(message),
      event: (event) => void (event.type === 'step' && abort.abort()),
    };
    const { folder: run } = await runExperiment(own, method, {
      ...{ parent: folder, signal: abort.signal, observer },
    });
    expect(notes.filter((note) => note.includes('measuring what to recompute'))).toHaveLength(1);
    const log = join(run, 'log.jsonl');
    const chosen = readRunLog(log).recomputed!.plan;
    expect(chosen['head']!.recompute).toBe('units');
    const written = readFileSync(log, 'utf8');
    for (const names of [[], ['constructor'], ['__proto__'], ['head', 'tail']]) {
      const damaged = Object.fromEntries(names.map((name) => [name, chosen['head']]));
      writeFileSync(log, written.replace(JSON.stringify(chosen), JSON.stringify(damaged)));
      await expect(resumeRun(own, run, { observer })).rejects.toThrow(
        new UserError(
          `${log}: its last line "recomputed" is of the updates ${names.join(', ') || 'none'}, and the run has head: take the line out, and what to recompute is measured anew`,
        ),
      );
    }
    writeFileSync(log, written);
    // As another version of this program might have chosen.
    const other: RecomputePlan = { head: { ...chosen['head']!, kept: [] } };
    writeFileSync(log, readFileSync(log, 'utf8').replace(JSON.stringify(chosen), JSON.stringify(other)));
    expect(readRunLog(log).recomputed!.plan).toEqual(other);

    notes.length = 0;
    const { interrupted } = await resumeRun(own, run, { observer });
    expect(interrupted).toBe(false);
    expect(notes.filter((note) => note.includes('recompute'))).toEqual([]);
    expect(readRunLog(log).recomputed!.plan).toEqual(other);
  });

  it('is chosen for the images that are run at a time', async () => {
    const setting = settingFor(128, 4);
    const budget = await peakOf(setting);
    expect(budget).toBeLessThan(await peakOf(settingFor(128)));
    const { method, recompute } = await chooseMethod(setting, withBudget(budget));
    expect(method.plan!['head']!.recompute).toBe('none');
    expect(recompute!.peakBytes).toBe(budget);
  });

  it("of ranks is the first one's", async () => {
    const { groups } = memoryGroups(2);
    const plan: RecomputePlan = { head: { recompute: 'units', places: 7, kept: [2] } };
    const given = withBudget(1e9);
    const own = { ...experiment, config: { ...experiment.config, method: given } };
    const agreed = await Promise.all(
      groups.map((group, rank) => agreeToTrain(group, own, rank === 0 ? { ...given, plan } : given)),
    );
    expect(agreed.map((method) => method!.plan)).toEqual([plan, plan]);
  });
});
