import * as tf from '@tensorflow/tfjs';
import type { Mode } from '../engine/fused/ops.js';
import { defineChoice, type Choice } from '../core/choice.js';
import { disposeLayer, ownedBy, type Counter, type Layer } from '../nn/layer.js';
import type { Parameter, Scope } from '../nn/parameters.js';

/** Height, width and channels of one sample's feature map. */
export interface MapShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** What a data set and a seed decide of a network. */
export interface NetworkInputs {
  readonly classes: number;
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly seed: number;
}

/**
 * Builds a network for a data set's images and classes.
 *
 * @throws UserError where it cannot take such images
 */
export type NetworkBuilder = (inputs: NetworkInputs) => Network;

/** A family of networks, by name: its options, and what builds one of it. */
export type NetworkKind = Choice<NetworkBuilder>;

/** A network that a config can name. Returns its argument: for the types alone. */
export const defineNetwork = defineChoice<NetworkBuilder>();

/** The smallest piece that a network can be cut at. */
export interface Unit {
  /** `stem`, or PyTorch's name: `layer1.0`, `features.3`, `encoder.layers.encoder_layer_0`. */
  readonly name: string;
  /** How far up the network, from 1: a ResNet's or VGG's stage, the third of a Transformer; 0 is the stem. */
  readonly stage: number;
  /** Position within the stage, from 0. */
  readonly index: number;
  /** Of the map that it makes. */
  readonly output: MapShape;
  /**
   * The width that its stage is named by, where the map has more channels: of a bottleneck that of its 3×3 convolution,
   * 64 in the first stage, whose maps have 256. Where left out it is the map's channels.
   */
  readonly nominalWidth?: number;
  readonly layer: Layer;
  /**
   * Context supply: reads the normalised images `[n, h, w, c]`, and what it makes is added to the unit's input. Only in
   * networks that `supplyContext` made.
   */
  readonly context?: Layer;
  /** Builds a fresh layer of the same shape, with parameters of its own. */
  build(scope: Scope): Layer;
}

/** An ordered list of units and a head, which reads the last unit's map and gives logits. */
export interface Network {
  /** `resnet-32`, `resnet-imagenet-50`, …: the family and the depth. */
  readonly name: string;
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  readonly seed: number;
  readonly units: readonly Unit[];
  readonly head: Layer;
  /**
   * Builds a fresh block of the network's own kind, `[n, h, w, in]` → `[n, ⌈h / stride⌉, ⌈w / stride⌉, out]`, which
   * AugLocal's auxiliary nets are made of.
   *
   * @throws UserError for channels or a stride that the kind cannot have
   */
  buildBlock(scope: Scope, options: BlockOptions): Layer;
}

/** The shape of a network's block. */
export interface BlockOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
}

/** Makes a unit; its layer is built in the scope at once. */
export function createUnit(unit: Omit<Unit, 'layer'>, scope: Scope): Unit {
  return { ...unit, layer: unit.build(scope) };
}

/**
 * Runs a network.
 *
 * @param images normalised, `[n, h, w, c]`
 * @returns logits `[n, classes]`, the caller's to dispose
 */
export function networkForward(network: Network, images: tf.Tensor4D, mode: Mode): tf.Tensor2D {
  const features = unitsForward(network.units, images, images, mode);
  const logits = network.head.forward(features, mode) as tf.Tensor2D;
  features.dispose();
  return logits;
}

/**
 * Runs one unit after another, each given its context of the images where it has one.
 *
 * @param x the first unit's input `[n, h, w, c]`: the images for a network's first unit
 * @param images normalised, `[n, h, w, c]`
 * @returns the last unit's features `[n, h', w', c']`, a new tensor even for no units
 */
export function unitsForward(
  units: readonly Unit[],
  x: tf.Tensor,
  images: tf.Tensor4D,
  mode: Mode,
): tf.Tensor4D {
  let current = x;
  const advance = (next: tf.Tensor): void => {
    if (current !== x) current.dispose();
    current = next;
  };
  for (const { layer, context } of units) {
    if (context !== undefined) {
      const supply = context.forward(images, mode);
      advance(tf.add(current, supply));
      supply.dispose();
    }
    advance(layer.forward(current, mode));
  }
  return (current === x ? x.clone() : current) as tf.Tensor4D;
}

/**
 * Runs the units on normalised images and shows `visit` the features after each: valid until it returns, the last ones
 * alone are returned and the caller's to dispose.
 */
export function visitUnits(
  { units }: Network,
  images: tf.Tensor4D,
  mode: Mode,
  visit: (features: tf.Tensor4D, unit: Unit, index: number) => void,
): tf.Tensor4D {
  let x = images;
  units.forEach((unit, index) => {
    const next = unitsForward([unit], x, images, mode);
    if (x !== images) x.dispose();
    x = next;
    visit(x, unit, index);
  });
  return x;
}

/** A unit's context, where it has one, and its own layer. */
export function unitLayers({ context, layer }: Unit): Layer[] {
  return context === undefined ? [layer] : [context, layer];
}

/** Lists the network's own parameters and running statistics, in PyTorch's order of modules. */
export function networkState(network: Network): Parameter[] {
  return [...network.units.flatMap(unitLayers), network.head].flatMap((layer) => [
    ...layer.parameters,
    ...layer.buffers,
  ]);
}

/** Lists what a resumed run restores beside the network's state: how often its layers ran in training mode. */
export function networkCounters(network: Network): readonly Counter[] {
  return ownedBy([...network.units.flatMap(unitLayers), network.head]).counters;
}

/** Frees a network's layers; contexts belong to the strategy that added them. */
export function disposeNetwork(network: Network): void {
  for (const unit of network.units) disposeLayer(unit.layer);
  disposeLayer(network.head);
}
