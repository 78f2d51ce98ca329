import { watchTensors, type Peak, type TensorWatch } from '../../engine/live-tensors.js';
import type { MemoryMeter } from '../../engine/engine.js';
import { scoped } from '../../engine/scoped.js';
import { noiseBatch } from '../../local/noise-batch.js';
import { inPrecision, type Strategy } from '../../local/strategy.js';
import type { LocalUpdate } from '../../local/update.js';
import { networkState } from '../../networks/network.js';
import type { Optimizer } from '../../train/optimizer.js';
import { planSteps, trainStep } from '../../train/step.js';
import { averageWeights, type WeightAverage } from '../../train/weight-average.js';
import { firstBatch, usualOptimizer, type BatchShape } from './measure.js';

/** Memory that was in use at the moment of the peak. */
export interface Held {
  /** `layer1.0.conv1.weight`, `gradient of layer1.0.conv1.weight`, `saved by convBatchNorm layer1.0.conv1.weight`, … */
  readonly name: string;
  /** Undefined of what is no tensor. */
  readonly shape?: readonly number[];
  readonly dtype?: string;
  /** As the meter counts them. */
  readonly bytes: number;
  /** Who keeps it: `network`, `optimiser`, an update, … */
  readonly holder: string;
}

/** All that is in use when a training step takes most. */
export interface AtPeak {
  readonly peakBytes: number;
  /** The update that reaches it, and in what: `block 3, backward pass`. */
  readonly during: string;
  /** Largest first; their bytes add up to the peak. */
  readonly held: readonly Held[];
}

/**
 * Lists what is in use at the peak of the step that `measureStep` measures.
 *
 * @param meter counts everything that the process holds: dispose other networks
 * @param given the strategy whose step is measured; no parameter changes, running statistics do
 * @param shape of the batch
 */
export function listPeak(
  meter: MemoryMeter,
  given: Strategy,
  {
    batchSize,
    microBatch,
    seed,
    optimizer: makeOptimizer = usualOptimizer,
    averaged = false,
    precision = 'float32',
  }: BatchShape,
): AtPeak {
  const strategy = inPrecision(given, precision);
  const { network, auxiliary, updates } = strategy;
  const optimizer = makeOptimizer();
  let average: WeightAverage | undefined;
  try {
    return watchTensors(meter, (watch) => {
      const names = new Map<unknown, string>();
      for (const [holder, parameters] of [
        ['network', networkState(network)],
        ['auxiliary nets', auxiliary],
      ] as const) {
        for (const { name, variable } of parameters) {
          watch.name(variable, name, holder);
          names.set(variable, name);
        }
      }
      for (const variable of updates.flatMap(({ variables }) => variables)) {
        if (!names.has(variable)) watch.name(variable, variable.name, 'auxiliary nets');
      }
      watch.during(averages);
      if (averaged) average = averageWeights(strategy, 0);
      const plan = planSteps(updates);
      const watched: Optimizer = {
        ...optimizer,
        step(variables, gradients, learningRate) {
          gradients.forEach((gradient, i) => {
            const name = names.get(variables[i]) ?? variables[i]!.name;
            watch.name(gradient, `gradient of ${name}`, 'gradients');
          });
          watch.during(optimiser);
          optimizer.step(variables, gradients, learningRate);
        },
      };
      const step = (size: number, begin: () => void, own?: number): void =>
        scoped(() => {
          watch.during(batchName);
          const batch = noiseBatch(network, size, seed)();
          watch.name(batch.labels, 'labels', batchName);
          begin();
          trainStep(
            { ...strategy, updates: updatesWatched(updates, watch) },
            plan,
            watched,
            0,
            batch,
            undefined,
            own,
          );
        });
      step(firstBatch, () => {});
      step(batchSize, () => watch.reset(), microBatch);
      return listed(watch.peak());
    });
  } finally {
    average?.dispose();
    optimizer.dispose();
  }
}

const averages = 'averages';
const optimiser = 'optimiser';
const batchName = 'batch';

/** The updates, which say what is being computed and what they hand on. */
function updatesWatched(updates: readonly LocalUpdate[], watch: TensorWatch): LocalUpdate[] {
  return updates.map((update, i): LocalUpdate => ({
    ...update,
    forward(streams, batch) {
      watch.during(`${update.name}, forward pass`);
      const result = update.forward(streams, batch);
      const next = updates[i + 1];
      for (const [name, stream] of Object.entries(result.streams)) {
        if (stream !== streams[name]) watch.name(stream, `stream ${name} for ${next?.name}`, 'streams');
      }
      watch.during(`${update.name}, backward pass`);
      return result;
    },
  }));
}

function listed({ bytes, stores, untoldBytes, workspace }: Peak): AtPeak {
  const tensors = stores.map(({ bytes, shape, dtype, madeBy, during, savedBy, name, holder }): Held => {
    const shown = { shape, dtype, bytes };
    if (name !== undefined) return { name, ...shown, holder: holder! };
    if (during === optimiser || during === averages) {
      return { name: `state of ${madeBy.split(' ').at(-1)}`, ...shown, holder: during };
    }
    const by = madeBy === '' ? 'values' : madeBy;
    if (savedBy.size === 0) return { name: by, ...shown, holder: during };
    return { name: `saved by ${[...savedBy].join(', ')}`, ...shown, holder: during };
  });
  const others: Held[] = [
    {
      name: `workspace of ${workspace.op || 'the engine'}`,
      bytes: workspace.bytes,
      holder: workspace.during,
    },
    { name: 'memory that is no tensor', bytes: untoldBytes, holder: 'engine' },
  ];
  const held = [...tensors, ...others.filter((each) => each.bytes > 0)];
  return {
    peakBytes: bytes,
    during: workspace.during,
    held: held.toSorted((a, b) => b.bytes - a.bytes),
  };
}
