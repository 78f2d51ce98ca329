import tf = require('@tensorflow/tfjs');
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import type { Batch } from '../../src/local/batch.js';
import type { Strategy } from '../../src/local/strategy.js';
import { networkState } from '../../src/networks/network.js';

/** What ContSup's formulas are computed for. */
export interface PlainOptions {
  readonly image: boolean;
  readonly earlier: number;
  readonly weights?: {
    readonly reconstruction: readonly [number, number];
    readonly classification: readonly [number, number];
  };
}

/**
 * ContSup on a ResNet cut after every unit, from its formulas and plain TensorFlow.js alone: only units and the
 * network's head are run by their own layers. Names and initial values are the strategy's.
 */
export function plainContSup(strategy: Strategy, { image, earlier, weights }: PlainOptions) {
  const { network } = strategy;
  const { units, head } = network;
  const variables = new Map(
    [...networkState(network), ...strategy.auxiliary].map(({ name, variable }) => [name, variable]),
  );
  const at = (name: string): tf.Variable => variables.get(name)!;
  const trained = [...variables].filter(([name]) => !name.includes('running_'));
  /** Running statistics after a training pass, by the batch norm's name. */
  const running = new Map<string, readonly tf.Tensor[]>();

  const convolve = (name: string, x: tf.Tensor, stride = 1): tf.Tensor4D => {
    const filter = at(`${name}.weight`) as tf.Variable<tf.Rank.R4>;
    const pad = Math.floor(filter.shape[0] / 2);
    const padded = tf.pad(x, [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ]) as tf.Tensor4D;
    const y = tf.conv2d(padded, filter, stride, 'valid');
    const bias = variables.get(`${name}.bias`);
    return bias === undefined ? y : tf.add(y, bias);
  };
  const norm = (name: string, x: tf.Tensor4D, training: boolean): tf.Tensor4D => {
    let [mean, variance] = [at(`${name}.running_mean`), at(`${name}.running_var`)] as tf.Tensor[];
    if (training) {
      const values = x.size / x.shape[3];
      const batch = tf.moments(x, [0, 1, 2]);
      running.set(
        name,
        [batch.mean, tf.mul(batch.variance, values / (values - 1))].map((now, i) =>
          tf.keep(tf.add(tf.mul([mean, variance][i]!, 0.9), tf.mul(now, 0.1))),
        ),
      );
      [mean, variance] = [batch.mean, batch.variance];
    } else if (running.has(name)) {
      [mean, variance] = running.get(name)! as [tf.Tensor, tf.Tensor];
    }
    const scale = tf.div(at(`${name}.weight`), tf.sqrt(tf.add(variance!, 1e-5)));
    return tf.add(tf.mul(tf.sub(x, mean!), scale), at(`${name}.bias`));
  };
  const convNormRelu = (names: readonly [string, string], x: tf.Tensor, training: boolean, stride = 1) =>
    tf.relu(norm(names[1], convolve(names[0], x, stride), training)) as tf.Tensor4D;
  const pooledTo = (x: tf.Tensor4D, [, height]: readonly number[]): tf.Tensor4D => {
    const window = x.shape[1] / height!;
    return window === 1 ? x : tf.avgPool(x, window, window, 'valid');
  };

  /** ret_k, for k = block − 1 and rets = [image, ret_0, …, ret_{k−1}]. */
  const supplied = (
    block: number,
    h: tf.Tensor,
    rets: readonly tf.Tensor[],
    training: boolean,
  ): tf.Tensor => {
    const own = `context.${units[block]!.name}`;
    const k = block - 1;
    let sum = h;
    if (image) {
      const names = (n: number): [string, string] => [`${own}.image.${n}`, `${own}.image.${n + 1}`];
      const enc = convNormRelu(names(3), convNormRelu(names(0), rets[0]!, training), training);
      sum = tf.add(sum, pooledTo(enc, h.shape));
    }
    for (let r = 0; r < earlier; r++) {
      const index = k - 1 - r;
      if (index < -1 || (index === -1 && image)) continue;
      const names: [string, string] = [`${own}.earlier.${r}.0`, `${own}.earlier.${r}.1`];
      sum = tf.add(sum, pooledTo(convNormRelu(names, rets[index + 1]!, training), h.shape));
    }
    return sum;
  };

  const crossEntropy = (logits: tf.Tensor, labels: tf.Tensor): tf.Scalar =>
    tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1)));
  const linear = (name: string, x: tf.Tensor): tf.Tensor =>
    tf.add(tf.matMul(x as tf.Tensor2D, at(`${name}.weight`) as tf.Tensor2D), at(`${name}.bias`));
  /** 1c2f. */
  const headLoss = (block: number, h: tf.Tensor4D, { labels }: Batch): tf.Scalar => {
    const own = `auxiliary.${block}.classifier`;
    const x = convNormRelu([`${own}.0`, `${own}.1`], h, true, h.shape[3] < 64 ? 2 : 1);
    return crossEntropy(linear(`${own}.7`, tf.relu(linear(`${own}.5`, tf.mean(x, [1, 2])))), labels);
  };
  const rebuiltLoss = (block: number, h: tf.Tensor4D, batch: Batch): tf.Scalar => {
    const own = `auxiliary.${block}.decoder`;
    const size = network.imageShape.slice(0, 2) as [number, number];
    const x = tf.image.resizeBilinear(h, size, true);
    const y = convolve(`${own}.3`, convNormRelu([`${own}.0`, `${own}.1`], x, true));
    const pixels = batch.pixels();
    return tf.mean(tf.sub(tf.softplus(y), tf.mul(y, pixels)));
  };
  const lossOf = (block: number, h: tf.Tensor4D, batch: Batch): tf.Scalar => {
    const last = units.length - 1;
    if (block === last) return crossEntropy(head.forward(h, trainingMode), batch.labels);
    if (weights === undefined) return headLoss(block, h, batch);
    const ratio = block / (last + 1 - 2);
    const ramp = ([first, end]: readonly [number, number]): number => first * (1 - ratio) + end * ratio;
    return tf.add(
      tf.mul(rebuiltLoss(block, h, batch), ramp(weights.reconstruction)),
      tf.mul(headLoss(block, h, batch), ramp(weights.classification)),
    );
  };

  return {
    /** By block, its loss and the gradients of all that it depends on. */
    train(batch: Batch): { loss: number; gradients: Map<string, tf.Tensor> }[] {
      const rets: tf.Tensor[] = [batch.images];
      let h: tf.Tensor = batch.images;
      return units.map((unit, block) => {
        let [read, output] = [h, h];
        const { value, grads } = tf.variableGrads(
          () => {
            read = block === 0 ? h : supplied(block, h, rets, true);
            output = unit.layer.forward(read, trainingMode);
            [read, output].forEach((tensor) => tf.keep(tensor));
            return lossOf(block, output as tf.Tensor4D, batch);
          },
          trained.map(([, variable]) => variable),
        );
        if (block > 0) rets.push(read.clone());
        h = output.clone();
        const gradients = trained.flatMap(([name, variable]) => {
          const gradient = grads[variable.name] as tf.Tensor | null | undefined;
          return gradient ? [[name, gradient] as const] : [];
        });
        return { loss: value.dataSync()[0]!, gradients: new Map<string, tf.Tensor>(gradients) };
      });
    },

    /** Logits, with the running statistics that `train` left. */
    evaluate(images: tf.Tensor4D): tf.Tensor {
      const rets: tf.Tensor[] = [images];
      let h: tf.Tensor = images;
      units.forEach((unit, block) => {
        const read = block === 0 ? h : supplied(block, h, rets, false);
        if (block > 0) rets.push(read);
        h = unit.layer.forward(read, evaluationMode);
      });
      return head.forward(h, evaluationMode);
    },
  };
}
