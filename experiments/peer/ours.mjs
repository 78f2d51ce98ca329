// Training steps of locallearn, to be timed beside a peer's.
import * as tf from '@tensorflow/tfjs';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as locallearn from '../../dist/index.js';
import { publishedLosses, writeParameters } from './start.mjs';

const imageShape = [32, 32, 3];
/** The published code's, of bytes. */
const of255 = (values) => values.map((value) => value / 255);
const normalization = { mean: of255([125.3, 123, 113.9]), std: of255([63, 62.1, 66.7]) };

/** A batch of random images and labels, the same each time. */
function drawnBatch(batch) {
  let state = 1;
  const random = (below) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  return {
    images: Uint8Array.from({ length: batch * 32 * 32 * 3 }, () => random(65536) >> 8),
    labels: Uint16Array.from({ length: batch }, () => (random(65536) >> 8) % 10),
  };
}

/**
 * A method's training at its first step.
 * @returns `run` times steps; `writeStart` writes what they start from for a peer; `firstLosses` takes a step
 */
export function openOurs(engine, method, options, { layers, batch, device, precision }) {
  const { buildStrategy, createBatch, evaluationMode, networkForward } = locallearn;
  const { capturedEvaluation, capturedSteps, papersSgd, planSteps, sgd, trainStep } = locallearn;
  const network = locallearn.resnetCifar({ layers: layers, classes: 10, imageShape, seed: 1 });
  const strategy = locallearn.inPrecision(buildStrategy(network, { method, ...options }), precision);
  const optimizer = sgd(papersSgd);
  const plan = planSteps(strategy.updates);
  // As in training.
  const captured = capturedSteps(engine, strategy);
  const evaluated = capturedEvaluation(engine);
  const { images, labels } = drawnBatch(batch);
  const upload = () => createBatch(images, labels, imageShape, 10, normalization);
  const step = {
    train: () => trainStep(strategy, plan, optimizer, 0.01, upload(), undefined, batch, captured).losses,
    evaluate() {
      const data = upload();
      const [hits] = evaluated.compute(data, () => {
        const logits = networkForward(network, data.images, evaluationMode);
        return [tf.sum(tf.equal(tf.argMax(logits, 1), tf.argMax(data.labels, 1)))];
      });
      hits.dataSync();
    },
  };
  engine.memory.release();
  return {
    writeStart(folder) {
      const files = {
        initial: join(folder, 'initial.safetensors'),
        images: join(folder, 'images'),
        labels: join(folder, 'labels'),
      };
      writeParameters(files.initial, method, strategy);
      writeFileSync(files.images, images);
      writeFileSync(files.labels, Uint8Array.from(labels));
      return files;
    },
    firstLosses() {
      let losses;
      tf.tidy(() => void (losses = step.train()));
      return publishedLosses(method, strategy, losses);
    },
    run(what, count) {
      const seconds = [];
      engine.memory.reset();
      for (let i = 0; i < count; i++) {
        const start = performance.now();
        tf.tidy(() => void step[what]());
        // On a GPU this comes behind all that the step asked for.
        if (device !== 'cpu') tf.tidy(() => tf.zeros([1]).dataSync());
        seconds.push((performance.now() - start) / 1000);
      }
      return { seconds, peakBytes: engine.memory.peak() };
    },
    close() {
      optimizer.dispose();
      strategy.dispose();
      locallearn.disposeNetwork(network);
    },
  };
}
