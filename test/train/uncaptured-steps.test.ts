import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { detach } from '../../src/engine/detached.js';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import { withUpdates } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { type Network } from '../../src/networks/network.js';
import { dropout } from '../../src/nn/dropout.js';
import { rootScope } from '../../src/nn/parameters.js';
import { hasTorch, startEngine } from '../support/engine.js';

import { expectSame, type Setting } from '../support/captured.js';

describe.skipIf(!hasTorch)('steps that cannot be captured', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });

  /** A strategy whose first update does something else too. */
  const with_ = (forward: (own: LocalUpdate['forward']) => LocalUpdate['forward']) => (network: Network) => {
    const strategy = buildStrategy(network, { method: 'dgl', blocks: 3 });
    const [first, ...others] = strategy.updates;
    return withUpdates(strategy, [
      { ...first!, forward: forward((...args) => first!.forward(...args)) },
      ...others,
    ]);
  };
  const refusals: readonly (readonly [string, Setting, RegExp])[] = [
    [
      'dropout',
      {
        build: with_((own) => {
          const layer = dropout(rootScope(1), 0.5);
          return (streams, batch) => {
            const { loss, streams: next } = own(streams, batch);
            return {
              loss: tf.mul(
                loss,
                tf.mean(layer.forward(tf.ones([9]), { training: true, parameterGradients: true })),
              ),
              streams: next,
            };
          };
        }),
      },
      /no two steps did the same/,
    ],
    [
      'a loss whose weight changes',
      {
        build: with_((own) => {
          let calls = 0;
          return (streams, batch) => {
            const { loss, streams: next } = own(streams, batch);
            return { loss: tf.mul(loss, 1 + 0.1 * calls++), streams: next };
          };
        }),
      },
      /no two steps did the same/,
    ],
    [
      'values that are read back',
      {
        build: with_((own) => (streams, batch) => {
          const { loss, streams: next } = own(streams, batch);
          return { loss: tf.mul(loss, loss.dataSync()[0]! > 1 ? 0.5 : 2), streams: next };
        }),
      },
      /reads values back/,
    ],
    [
      'a tensor that is kept for what comes after the update',
      {
        build(network) {
          const strategy = buildStrategy(network, { method: 'dgl', blocks: 3 });
          const [first, ...others] = strategy.updates;
          const [variable] = first!.variables;
          let kept: tf.Tensor | undefined;
          const update: LocalUpdate = {
            ...first!,
            forward(...args) {
              kept = tf.keep(tf.mul(variable!, 0.5));
              return first!.forward(...args);
            },
            after() {
              variable!.assign(kept!);
              kept!.dispose();
            },
          };
          return withUpdates(strategy, [update, ...others]);
        },
      },
      /sgd_ reads between updates what one has made/,
    ],
    [
      'variables that share their memory',
      {
        build(network) {
          const strategy = buildStrategy(network, { method: 'dgl', blocks: 3 });
          const [first, ...others] = strategy.updates;
          const own = (value: number): tf.Variable => tf.tidy(() => tf.variable(tf.scalar(value), false));
          const [a, b] = [own(0.5), own(2)];
          const update: LocalUpdate = {
            ...first!,
            forward(...args) {
              const { loss, streams } = first!.forward(...args);
              return { loss: tf.mul(loss, tf.mul(a, b)), streams };
            },
            after: () => a.assign(b),
          };
          return {
            ...withUpdates(strategy, [update, ...others]),
            dispose() {
              strategy.dispose();
              tf.dispose([a, b]);
            },
          };
        },
      },
      /variables share their memory/,
    ],
    [
      'a tensor of the step before',
      {
        build: with_((own) => {
          let last: tf.Tensor | undefined;
          return (streams, batch) => {
            const { loss, streams: next } = own(streams, batch);
            const sum = last === undefined ? loss : tf.add<tf.Scalar>(loss, tf.mul(0.1, last));
            last?.dispose();
            last = detach(loss);
            return { loss: sum, streams: next };
          };
        }),
        left: 1,
      },
      /reads a tensor from before the step/,
    ],
  ];
  it.each(refusals)('%s: all steps run as they are', (_, setting, why) => {
    const { refused, played } = expectSame(engine, setting);
    expect(refused).toMatch(why);
    expect(played).toBe(0);
  });
});
