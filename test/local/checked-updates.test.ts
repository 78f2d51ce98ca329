import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { detach } from '../../src/engine/detached.js';
import { scoped } from '../../src/engine/scoped.js';
import { checkedUpdates } from '../../src/local/checked-updates.js';
import type { LocalUpdate, Streams, UpdateResult } from '../../src/local/update.js';
import { trainableVariables, type Layer } from '../../src/nn/layer.js';
import { networkForward, type Network } from '../../src/networks/network.js';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { bp } from '../../src/local/methods/bp.js';
import type { Batch } from '../../src/local/batch.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyBatch, tinyMethods, tinyNetwork, tinyRun, titleOf } from '../support/tiny.js';

let network: Network;
beforeAll(async () => {
  await startEngine();
  network = tinyNetwork(8);
});
afterAll(() => tf.disposeVariables());

type Forward = (streams: Streams, batch: Batch) => unknown;

const head = (): Layer => network.head;

/** Backpropagation, its forward pass replaced. */
function update(name: string, forward: Forward): LocalUpdate {
  const layers = [...network.units.map(({ layer }) => layer), head()];
  return { name, variables: trainableVariables(layers), forward: forward as LocalUpdate['forward'] };
}

function lossOf({ images, labels }: Batch): tf.Scalar {
  const logits = networkForward(network, images, trainingMode);
  return tf.neg(tf.mean(tf.mul(tf.logSoftmax(logits), labels))) as tf.Scalar;
}

function stepWith(...updates: readonly LocalUpdate[]): void {
  const run = tinyRun((given) => ({ ...bp.build(given, {}), updates: checkedUpdates(updates) }), network);
  scoped(() => run.step(tinyBatch()));
}

const right: Forward = ({ x }, batch) => ({ loss: lossOf(batch), streams: { x: detach(x!) } });

describe('what a strategy of one’s own may get wrong', () => {
  const mistakes: readonly (readonly [string, string, readonly Forward[]])[] = [
    ['no result', "update 'u0' returns no loss: it must return { loss, streams }", [() => undefined]],
    [
      'a loss for each image',
      "update 'u0' has a loss of shape [8], where one number is expected: take its mean (tf.mean)",
      [
        ({ x }, { images }) => ({
          loss: tf.mean(networkForward(network, images, trainingMode), 1),
          streams: { x },
        }),
      ],
    ],
    ['a number for a loss', "update 'u0' returns no loss", [() => ({ loss: 0.5, streams: {} })]],
    ['no streams', "update 'u0' returns no streams", [(_, batch) => ({ loss: lossOf(batch) })]],
    [
      'a stream that is no tensor',
      "update 'u0' hands on 'x', which is no tensor",
      [(_, batch) => ({ loss: lossOf(batch), streams: { x: [1] } })],
    ],
    [
      'a stream that is not detached',
      "update 'u0' hands on the stream 'x' together with how it came about: wrap it in detach(…)",
      [(_, batch) => ({ loss: lossOf(batch), streams: { x: tf.mul(batch.images, 2) } })],
    ],
    [
      'a stream that nobody hands on',
      "update 'u1' reads the stream 'y', and is handed 'x'",
      [right, ({ y }, batch) => ({ loss: tf.mul(lossOf(batch), tf.mean(y!.square())), streams: {} })],
    ],
    [
      'a loss that depends on nothing',
      "update 'u0' has a loss that depends on none of its variables",
      [() => ({ loss: tf.scalar(1), streams: {} })],
    ],
  ];

  it.each(mistakes)('%s', (_, message, forwards) => {
    const updates = forwards.map((forward, i) => update(`u${i}`, forward));
    const step = (): void => stepWith(...updates);
    expect(step).toThrow(UserError);
    expect(step).toThrow(message);
  });

  it('two updates of one name, no variables, or none that can be trained', () => {
    const good = update('a', right);
    expect(() => checkedUpdates([good, good])).toThrow("two updates are called 'a'");
    expect(() => checkedUpdates([{ ...good, variables: [] }])).toThrow("update 'a' has no variables");
    const tensor = tf.scalar(1) as unknown as tf.Variable;
    expect(() => checkedUpdates([{ ...good, variables: [tensor] }], 'mine.ts: ')).toThrow(
      "mine.ts: update 'a' has something in its variables, at 0, that is no tf.Variable",
    );
    tensor.dispose();
  });

  it('an optional stream is no mistake', () => {
    stepWith(update('a', ({ y, ...rest }, batch) => right(y === undefined ? rest : { x: y }, batch)));
  });

  it('an error of its own stays what it is', () => {
    const broken = update('a', () => {
      throw new TypeError('broken');
    });
    expect(() => stepWith(broken)).toThrow(new TypeError('broken'));
  });
});

it('updates may be instances of classes, with state of their own', () => {
  class Counting implements LocalUpdate {
    readonly name = 'counting';
    readonly variables = update('x', right).variables;
    #passes = 0;
    forward(_: Streams, batch: Batch): UpdateResult {
      this.#passes++;
      return { loss: lossOf(batch), streams: {} };
    }
    after(): void {
      this.#passes *= 10;
    }
    get passes(): number {
      return this.#passes;
    }
  }
  const counting = new Counting();
  stepWith(counting);
  expect(counting.passes).toBe(10);
});

it.each(sampleOf(tinyMethods, 4).map((options) => [titleOf(options), options] as const))(
  '%s passes',
  (_, options) => {
    const run = tinyRun(options);
    const checked = { ...run.strategy, updates: checkedUpdates(run.strategy.updates) };
    const again = tinyRun(() => checked, run.network);
    for (let i = 0; i < 2; i++) scoped(() => again.step(tinyBatch()));
    again.dispose();
  },
);

it.each(['hpff', 'mlaan'] as const)('%s: what fails in its first step is told as it is', (method) => {
  const run = tinyRun({ method, blocks: 4 });
  const updates = checkedUpdates(run.strategy.updates);
  scoped(() => {
    const batch = tinyBatch();
    const broken = Object.defineProperty({ ...batch, images: batch.images }, 'labels', {
      get: () => {
        throw new TypeError('broken');
      },
    });
    expect(() => updates[0]!.forward({ x: detach(batch.images) }, broken)).toThrow('broken');
  });
  run.dispose();
});

it('memory that runs out in the first pass of an update that reads a stream which is not there is told', () => {
  const [checked] = checkedUpdates([
    update('u0', ({ y }) => {
      void y;
      throw Object.assign(new Error('out of memory: 9 bytes'), { code: 'OUT_OF_MEMORY' });
    }),
  ]);
  scoped(() => expect(() => checked!.forward({}, tinyBatch())).toThrow('out of memory: 9 bytes'));
});
