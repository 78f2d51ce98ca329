import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { detach } from '../../src/engine/detached.js';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import type { Batch } from '../../src/local/batch.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { Streams } from '../../src/local/update.js';
import { disposeNetwork, networkForward, networkState } from '../../src/networks/network.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { plainContSup, type PlainOptions } from '../support/plain-contsup.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

/** By update, its loss and the gradients of all that it changes. */
function gradientsOf(strategy: Strategy, batch: Batch) {
  const all = [...networkState(strategy.network), ...strategy.auxiliary];
  let streams: Streams = { x: detach(batch.images) };
  return strategy.updates.map((update) => {
    let next: Streams = {};
    const { value, grads } = tf.variableGrads(() => {
      const result = update.forward(streams, batch);
      next = result.streams;
      return result.loss;
    }, [...update.variables]);
    streams = next;
    const gradients = all.flatMap(({ name, variable }) => {
      const gradient = grads[variable.name];
      return gradient === undefined ? [] : [[name, gradient] as const];
    });
    return { loss: value.dataSync()[0]!, gradients: new Map<string, tf.Tensor>(gradients) };
  });
}

function distance(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return tf.tidy(() => tf.norm(tf.sub(a, b)).dataSync()[0]! / tf.norm(b).dataSync()[0]!);
}

const modes: readonly (readonly [
  title: string,
  StrategyOptionsInput & { method: 'contsup' },
  PlainOptions,
])[] = [
  ['R0', { method: 'contsup', context: 'R0' }, { image: false, earlier: 0 }],
  ['E', { method: 'contsup', context: 'E' }, { image: true, earlier: 0 }],
  ['R1', { method: 'contsup', context: 'R1' }, { image: false, earlier: 1 }],
  ['R2', { method: 'contsup', context: 'R2' }, { image: false, earlier: 2 }],
  ['R4', { method: 'contsup', context: 'R4' }, { image: false, earlier: 4 }],
  ['R8', { method: 'contsup', context: 'R8' }, { image: false, earlier: 8 }],
  ['R16', { method: 'contsup', context: 'R16' }, { image: false, earlier: 16 }],
  ['R1E', { method: 'contsup', context: 'R1E' }, { image: true, earlier: 1 }],
  [
    'R1E with reconstruction',
    { method: 'contsup', context: 'R1E', reconstruction: [5, 0.5], classification: [0.25, 1] },
    { image: true, earlier: 1, weights: { reconstruction: [5, 0.5], classification: [0.25, 1] } },
  ],
];

describe.each(sampleOf(modes, 3))(
  '%s is what plain TensorFlow.js makes of its formulas',
  (_, options, plainOptions) => {
    test('losses, gradients and evaluation', () => {
      const run = tinyRun(options);
      const { strategy } = run;
      const twin = tinyRun(options);
      tf.tidy(() => {
        const batch = tinyBatch();
        const plain = plainContSup(twin.strategy, plainOptions);
        const expected = plain.train(batch);
        const found = gradientsOf(strategy, batch);
        expect(found.length).toBe(7);
        found.forEach(({ loss, gradients }, block) => {
          expect(loss).toBeCloseTo(expected[block]!.loss, 5);
          expect([...gradients.keys()].sort()).toEqual([...expected[block]!.gradients.keys()].sort());
          for (const [name, gradient] of gradients) {
            const wanted = expected[block]!.gradients.get(name)!;
            // A bias before batch normalisation changes nothing.
            if (tf.norm(wanted).dataSync()[0]! < 1e-5)
              expect(tf.norm(gradient).dataSync()[0]).toBeLessThan(1e-5);
            else expect(distance(gradient, wanted), `${name} in block ${block + 1}`).toBeLessThan(1e-3);
          }
        });
        // Running statistics have taken one step from the batch: the same in both.
        const { images } = tinyBatch(4, 'evaluation');
        const logits = networkForward(strategy.network, images, evaluationMode);
        expect(distance(logits, plain.evaluate(images))).toBeLessThan(1e-4);
      });
      run.dispose();
      twin.dispose();
    });
  },
);

test('a network that was trained is evaluated by the sums that it was trained with', () => {
  const run = tinyRun({ method: 'contsup', context: 'R2' });
  const twin = tinyRun({ method: 'contsup', context: 'R2' });
  tf.tidy(() => {
    for (let step = 0; step < 3; step++) run.step(tinyBatch());
    const states = [run, twin].map(({ strategy }) => networkState(strategy.network));
    states[1]!.forEach(({ variable }, i) => variable.assign(states[0]![i]!.variable));
    const { images } = tinyBatch();
    const plain = plainContSup(twin.strategy, { image: false, earlier: 2 });
    const logits = networkForward(run.strategy.network, images, evaluationMode);
    expect(distance(logits, plain.evaluate(images))).toBeLessThan(1e-4);
  });
  run.dispose();
  twin.dispose();
});

describe('options', () => {
  const partitionOf = (options: StrategyOptionsInput, depth = 14): readonly (readonly string[])[] => {
    const network = tinyNetwork(depth);
    const strategy = buildStrategy(network, options);
    strategy.dispose();
    disposeNetwork(network);
    return strategy.partition;
  };
  const ends = (partition: readonly (readonly string[])[]) => partition.map((units) => units.at(-1));

  test('the stem is a block of its own where every unit is one, else it is in the first', () => {
    expect(partitionOf({ method: 'contsup' })[0]).toEqual(['stem']);
    expect(partitionOf({ method: 'contsup', blocks: 7 })).toHaveLength(7);
    expect(partitionOf({ method: 'contsup', blocks: 6 })[0]).toEqual(['stem', 'layer1.0']);
    const sixteen = partitionOf({ method: 'contsup', blocks: 16 }, 32);
    expect([sixteen.length, sixteen[0]]).toEqual([16, ['stem']]);
    expect(ends(partitionOf({ method: 'contsup', blocks: 4 }, 32))).toEqual([
      ...['layer1.2', 'layer2.1', 'layer3.0', 'layer3.4'],
    ]);
  });

  test.each([
    [2, ['layer1.3']],
    [4, ['layer1.2', 'layer1.4', 'layer2.2']],
    [8, ['layer1.1', 'layer1.2', 'layer1.3', 'layer2.1', 'layer2.2', 'layer3.1', 'layer3.2']],
  ])('memory-balanced cuts of ResNet-32 for K = %i', (blocks, cuts) => {
    const partition = partitionOf({ method: 'contsup', blocks, cuts: 'memory-balanced' }, 32);
    expect(ends(partition)).toEqual([...cuts, 'layer3.4']);
  });

  test('weights of two losses come both or not at all', () => {
    const network = tinyNetwork();
    expect(() => buildStrategy(network, { method: 'contsup', reconstruction: 5 })).toThrow(UserError);
    expect(() => buildStrategy(network, { method: 'contsup', classification: [1, 2] })).toThrow(
      /give both, or neither/,
    );
    disposeNetwork(network);
  });
});
