import type * as tf from '@tensorflow/tfjs';
import type { Mode } from '../engine/fused/ops.js';
import { forwardThrough, disposeLayer, type Layer } from '../nn/layer.js';
import type { Parameter, Scope } from '../nn/parameters.js';

/** Height, width and channels of one sample's feature map. */
export interface MapShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The smallest piece that a network can be cut at. */
export interface Unit {
  /** `stem`, or PyTorch's name: `layer1.0`. */
  readonly name: string;
  /** 0 is the stem. */
  readonly stage: number;
  /** Position within the stage, from 0. */
  readonly index: number;
  readonly output: MapShape;
  readonly layer: Layer;
  /** A fresh layer of the same shape, with parameters of its own. */
  build(scope: Scope): Layer;
}

/** An ordered list of units and a head: global average pool and linear classifier. */
export interface Network {
  readonly name: string;
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  readonly seed: number;
  readonly units: readonly Unit[];
  readonly head: Layer;
  /** A fresh residual block of the network's own kind, which AugLocal's auxiliary nets are made of. */
  buildBlock(scope: Scope, options: BlockOptions): Layer;
}

export interface BlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
}

/** Logits `[n, classes]` of normalised images `[n, h, w, c]`. */
export function networkForward(network: Network, images: tf.Tensor4D, mode: Mode): tf.Tensor2D {
  const layers = [...network.units.map((unit) => unit.layer), network.head];
  return forwardThrough(layers, images, mode) as tf.Tensor2D;
}

/** The network's own parameters and running statistics, in PyTorch's order of modules. */
export function networkState(network: Network): Parameter[] {
  return [...network.units.map((unit) => unit.layer), network.head].flatMap((layer) => [
    ...layer.parameters,
    ...layer.buffers,
  ]);
}

export function disposeNetwork(network: Network): void {
  for (const unit of network.units) disposeLayer(unit.layer);
  disposeLayer(network.head);
}
