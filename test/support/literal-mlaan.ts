import tf = require('@tensorflow/tfjs');
import { detach } from '../../src/engine/detached.js';
import { frozenMode, trainingMode } from '../../src/engine/fused/ops.js';
import { crossEntropy } from '../../src/local/axes/loss/cross-entropy.js';
import type { Batch } from '../../src/local/batch.js';
import type { Network, Unit } from '../../src/networks/network.js';
import { disposeLayer, sequential, trainableVariables, type Layer } from '../../src/nn/layer.js';
import { batchNorm } from '../../src/nn/batch-norm.js';
import { conv, globalAveragePool, linear } from '../../src/nn/layers.js';
import { childScope, rootScope, type Parameter, type Scope } from '../../src/nn/parameters.js';
import { papersSgd } from '../../src/train/sgd.js';

/** What one of MLAAN's programs does, on a network cut after every unit but the stem. */
export interface LiteralMlaan {
  /** How many blocks a cascade joins. */
  readonly length: number;
  /** Names of the units of the chain after each unit that has one. */
  readonly chains: Readonly<Record<string, readonly string[]>>;
  readonly weights: readonly [x: number, y: number];
  readonly momentum: number;
  /** Whether chains and momentum nets start as copies. */
  readonly copied: boolean;
  /** Whether heads of 64 and 128 channels have convolutions. */
  readonly wideHeads: boolean;
  /** Whether the last block's loss weighs both streams, on one head. */
  readonly lastBoth: boolean;
  /** Which momentum nets are updated, behind the backward pass of their block, and once more at the end. */
  readonly updates: 'each, the last twice' | 'the last' | 'each';
}

/** A run of the published program, stream by stream, as its text has it: nothing of the cascade path is used. */
export interface LiteralRun {
  readonly network: Network;
  /** Those that the strategy calls `auxiliary.…`, running statistics included. */
  readonly auxiliary: readonly Parameter[];
  /** A step of SGD at the end of all backward passes; returns the value of each. */
  step(batch: Batch, learningRate: number): number[];
  dispose(): void;
}

interface Augmentation {
  readonly chain: readonly Layer[];
  readonly momentum: Layer;
  readonly source: Layer;
  readonly xHead: Layer;
  readonly zHead: Layer;
}

export function literalMlaan(network: Network, program: LiteralMlaan): LiteralRun {
  const { length, weights, momentum: m } = program;
  const [stem, ...blocks] = network.units.map(({ layer }) => layer);
  const count = blocks.length;
  const named = (name: string) => network.units.find((unit) => unit.name === name)!;
  const wide = ({ output: { channels } }: Unit): boolean =>
    program.wideHeads && (channels === 64 || channels === 128);
  const augmentations = new Map<number, Augmentation>();
  for (let i = length - 1; i < count - 1; i++) {
    const scope = childScope(childScope(rootScope(network.seed), 'auxiliary'), i);
    const unit = network.units[i + 1]!;
    const sources = program.chains[unit.name]!.map(named);
    const build = (name: string, source: Unit): Layer => {
      const layer = source.build(childScope(scope, name));
      if (program.copied) copy(source.layer, layer);
      return layer;
    };
    augmentations.set(i, {
      chain: sources.map((source, j) => build(`chain.${j}`, source)),
      momentum: build('momentum', sources[0]!),
      source: sources[0]!.layer,
      xHead: publishedHead(
        childScope(scope, 'independent.classifier'),
        unit.output.channels,
        network.classes,
        wide(unit),
      ),
      zHead: publishedHead(
        childScope(scope, 'classifier'),
        sources.at(-1)!.output.channels,
        network.classes,
        wide(sources.at(-1)!),
      ),
    });
  }
  const nets = [...augmentations.values()];
  const trained = trainableVariables([
    ...[stem!, ...blocks, network.head],
    ...nets.flatMap(({ chain, xHead, zHead }) => [...chain, xHead, zHead]),
  ]);
  const buffers = new Map<tf.Variable, tf.Tensor>();
  const run = (layer: Layer, x: tf.Tensor): tf.Tensor => layer.forward(x, trainingMode);
  const follow = ({ momentum, source }: Augmentation): void =>
    momentum.parameters.forEach(({ variable }, i) => {
      const target = source.parameters[i]!.variable;
      tf.tidy(() => variable.assign(tf.add(tf.mul(variable, m), tf.mul(target, 1 - m))));
    });

  return {
    network,
    auxiliary: nets.flatMap(({ chain, momentum, xHead, zHead }) =>
      [...chain, momentum, xHead, zHead].flatMap((layer) => [...layer.parameters, ...layer.buffers]),
    ),
    step(batch, learningRate) {
      const sums = new Map<tf.Variable, tf.Tensor>();
      const streams: tf.Tensor[] = [];
      const handOn = (features: tf.Tensor): tf.Tensor => {
        streams.push(detach(features));
        return streams.at(-1)!;
      };
      const backward = (loss: () => tf.Scalar): number => {
        const { value, grads } = tf.variableGrads(loss, trained);
        for (const variable of trained) {
          const gradient = grads[variable.name];
          if (gradient === undefined) continue;
          const sum = sums.get(variable);
          sums.set(variable, sum === undefined ? gradient : tf.add(sum, gradient));
        }
        return value.dataSync()[0]!;
      };
      let x: tf.Tensor = batch.images;
      let y: tf.Tensor | undefined;
      /** The streams as the first backward pass finds them: y has the stem's graph. */
      const begin = (): tf.Tensor => {
        const start = run(stem!, handOn(batch.images));
        x = handOn(start);
        for (const block of blocks.slice(0, length - 1)) x = handOn(run(block, x));
        return start;
      };
      const losses: number[] = [];
      for (let i = length - 1; i < count - 1; i++) {
        const { chain, momentum, xHead, zHead } = augmentations.get(i)!;
        const value = backward(() => {
          const entering = y ?? begin();
          const alone = run(blocks[i]!, x);
          const first = run(blocks[i - length + 1]!, entering);
          let z = first;
          for (let j = i - length + 2; j <= i; j++) z = run(blocks[j]!, z);
          z = tf.add(run(chain[0]!, z), momentum.forward(z, frozenMode));
          for (const net of chain.slice(1)) z = run(net, z);
          [x, y] = [handOn(alone), handOn(first)];
          return weigh(
            weights,
            crossEntropy(run(xHead, alone) as tf.Tensor2D, batch.labels),
            crossEntropy(run(zHead, z) as tf.Tensor2D, batch.labels),
          );
        });
        losses.push(value);
        if (program.updates !== 'the last') follow(augmentations.get(i)!);
      }
      losses.push(
        backward(() => {
          const alone = run(blocks.at(-1)!, x);
          let z = y!;
          for (const block of blocks.slice(-length)) z = run(block, z);
          const lossOf = (features: tf.Tensor): tf.Scalar =>
            crossEntropy(run(network.head, features) as tf.Tensor2D, batch.labels);
          return program.lastBoth ? weigh(weights, lossOf(alone), lossOf(z)) : lossOf(z);
        }),
      );
      if (program.updates !== 'each') follow(nets.at(-1)!);
      for (const variable of trained) {
        const { momentum, weightDecay } = papersSgd;
        const gradient = tf.add(sums.get(variable)!, tf.mul(variable, weightDecay));
        const before = buffers.get(variable);
        const velocity = before === undefined ? gradient : tf.add(tf.mul(before, momentum), gradient);
        buffers.set(variable, tf.keep(velocity.clone()));
        const direction = tf.add(gradient, tf.mul(velocity, momentum));
        variable.assign(tf.sub(variable, tf.mul(direction, learningRate)));
        before?.dispose();
      }
      tf.dispose(streams);
      return losses;
    },
    dispose() {
      tf.dispose([...buffers.values()]);
      for (const { chain, momentum, xHead, zHead } of nets) {
        [...chain, momentum, xHead, zHead].forEach(disposeLayer);
      }
    },
  };
}

const weigh = ([wx, wy]: readonly [number, number], x: tf.Scalar, y: tf.Scalar): tf.Scalar =>
  tf.add(tf.mul(x, wx), tf.mul(y, wy)) as tf.Scalar;

function copy(from: Layer, to: Layer): void {
  from.parameters.forEach(({ variable }, i) =>
    tf.tidy(() => to.parameters[i]!.variable.assign(tf.add(variable, 0))),
  );
}

/** Global average pool, linear; of 64 and 128 channels two 1×1 convolutions before them in the ImageNet code. */
function publishedHead(scope: Scope, channels: number, classes: number, widened: boolean): Layer {
  const convolution = (number: number, inChannels: number, outChannels: number): Layer[] => [
    conv(childScope(scope, number), { inChannels, outChannels, kernel: 1 }),
    batchNorm(childScope(scope, number + 1), outChannels, { relu: true }),
  ];
  const convolutions = widened
    ? [...convolution(0, channels, 2 * channels), ...convolution(3, 2 * channels, channels)]
    : [];
  const last = linear(childScope(scope, widened ? 8 : 2), { inputs: channels, outputs: classes });
  return sequential([...convolutions, globalAveragePool, last]);
}
