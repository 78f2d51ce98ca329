import tf = require('@tensorflow/tfjs');
import { addOp } from '../engine/fused/add.js';
import type { Mode } from '../engine/fused/ops.js';
import { UserError } from '../core/errors.js';
import { defineChoice, type Choice } from '../core/choice.js';
import { checkGiven } from '../core/given.js';
import { scopeSchema } from '../nn/forms.js';
import { disposeLayer, inTurn, ownedBy, recomputable, type Counter, type Layer } from '../nn/layer.js';
import { recomputeInForce } from '../engine/recompute.js';
import type { Parameter, Scope } from '../nn/parameters.js';
import { bareUnitSchema, networkSchema } from './forms.js';

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

/** A network that a config can name. Returns its argument. */
export const defineNetwork = defineChoice<NetworkBuilder>();

/** One net of a unit's context. */
export interface ContextNet {
  /**
   * The unit before, with a context of its own, whose input it reads, `[n, h, w, c]`; where there is none, it reads the
   * normalised images.
   */
  readonly from?: string;
  readonly layer: Layer;
}

/** What units with a context read, their own context included, by their names: later ones may read it too. */
export type UnitInputs = Map<string, tf.Tensor>;

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
   * Context supply: nets whose outputs are added to what the unit before made; the sum is the unit's input. Only in
   * networks that `supplyContext` made.
   */
  readonly context?: readonly ContextNet[];
  /** Builds a fresh layer of the same shape, with parameters of its own. */
  build(scope: Scope): Layer;
}

/** An ordered list of units and a head, which reads the last unit's map and gives logits. */
export interface Network {
  /** `resnet-32`, `resnet-imagenet-50`, …: the family and its layers. */
  readonly name: string;
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly classes: number;
  readonly seed: number;
  readonly units: readonly Unit[];
  readonly head: Layer;
  /**
   * Builds a fresh unit of the network's own kind, `[n, h, w, in]` → `[n, ⌈h / stride⌉, ⌈w / stride⌉, out]`, which
   * AugLocal's auxiliary nets are made of.
   *
   * @throws UserError for channels or a stride that the kind cannot have
   */
  buildUnit(scope: Scope, options: UnitOptions): Layer;
}

/** The shape of a network's fresh unit. */
export interface UnitOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
}

/** Makes a unit; its layer is built in the scope at once. */
export function createUnit(unit: Omit<Unit, 'layer'>, scope: Scope): Unit {
  checkGiven('createUnit', { unit: bareUnitSchema, scope: scopeSchema }, { unit, scope });
  const build = (own: Scope): Layer => recomputable(unit.build(own));
  return { ...unit, build, layer: build(scope) };
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
 * Runs one unit after another, each given its context where it has one.
 *
 * @param x the first unit's input `[n, h, w, c]`: the images for a network's first unit
 * @param images normalised, `[n, h, w, c]`; not needed where no context reads them (`readsImage`)
 * @param inputs of units that ran before these, for contexts that read them; takes those of these units that have a
 * context, and all in it is the caller's to dispose. Not needed where the units begin a network.
 * @returns the last unit's features `[n, h', w', c']`, a new tensor even for no units
 * @throws UserError where a context reads the input of a unit that is not there
 */
export function unitsForward(
  units: readonly Unit[],
  x: tf.Tensor,
  images: tf.Tensor4D | undefined,
  mode: Mode,
  inputs?: UnitInputs,
): tf.Tensor4D {
  if (
    mode.training &&
    recomputeInForce() === 'segments' &&
    units.every(({ context = [] }) => context.length === 0)
  ) {
    return inTurn(segments(units), x, mode) as tf.Tensor4D;
  }
  if (inputs === undefined) return passThrough(units, x, images, mode, () => {});
  return runUnits(units, x, images, mode, inputs, () => {});
}

/**
 * Runs of ⌈√n⌉ of n units, each a layer that is recomputed as a whole and, as it is made again, unit by unit (Chen et al.
 * 2016, §4).
 */
function segments(units: readonly Unit[]): Layer[] {
  const length = Math.ceil(Math.sqrt(units.length));
  return Array.from({ length: Math.ceil(units.length / length) }, (_, i) => {
    const layers = units.slice(i * length, (i + 1) * length).map(({ layer }) => layer);
    const whole = { ...ownedBy(layers), forward: (x: tf.Tensor, mode: Mode) => inTurn(layers, x, mode) };
    return recomputable(whole, 'units');
  });
}

/** Is shown the features after each unit, which are valid until it returns. */
export type VisitUnit = (features: tf.Tensor4D, unit: Unit, index: number) => void;

/**
 * Runs the units on normalised images and shows `visit` the features after each: valid until it returns, the last ones
 * alone are returned and the caller's to dispose.
 */
export function visitUnits(
  { units }: Network,
  images: tf.Tensor4D,
  mode: Mode,
  visit: VisitUnit,
): tf.Tensor4D {
  return passThrough(units, images, images, mode, visit);
}

/** Runs units that read no others' inputs than their own, and frees each input when it has been read for the last time. */
function passThrough(
  units: readonly Unit[],
  x: tf.Tensor,
  images: tf.Tensor4D | undefined,
  mode: Mode,
  visit: VisitUnit,
): tf.Tensor4D {
  const inputs: UnitInputs = new Map();
  const lastReads = new Map(
    units.flatMap((unit, index) => inputsRead(unit).map((name) => [name, index] as const)),
  );
  return runUnits(units, x, images, mode, inputs, (features, unit, index) => {
    for (const [name, input] of inputs) {
      if ((lastReads.get(name) ?? index) > index) continue;
      input.dispose();
      inputs.delete(name);
    }
    visit(features, unit, index);
  });
}

/** Whether a unit's context reads the images. */
export function readsImage({ context = [] }: Unit): boolean {
  return context.some(({ from }) => from === undefined);
}

/** The names of the units whose inputs a unit's context reads. */
export function inputsRead({ context = [] }: Unit): string[] {
  return context.flatMap(({ from }) => from ?? []);
}

/**
 * As `visitUnits`, of some of a network's units.
 *
 * @param x the first unit's input
 * @param images and inputs as of `unitsForward`
 */
export function runUnits(
  units: readonly Unit[],
  x: tf.Tensor,
  images: tf.Tensor4D | undefined,
  mode: Mode,
  inputs: UnitInputs,
  visit: VisitUnit,
): tf.Tensor4D {
  let current = x;
  units.forEach((unit, index) => {
    const advance = (next: tf.Tensor): void => {
      if (current !== x && current !== inputs.get(unit.name)) current.dispose();
      current = next;
    };
    if (unit.context !== undefined) {
      advance(supplied(unit, current, images, mode, inputs));
      inputs.set(unit.name, current);
    }
    advance(unit.layer.forward(current, mode));
    visit(current as tf.Tensor4D, unit, index);
  });
  return (current === x ? x.clone() : current) as tf.Tensor4D;
}

/** x plus all that the unit's context makes: a new tensor, unless its context is empty. */
function supplied(
  { name, context = [] }: Unit,
  x: tf.Tensor,
  images: tf.Tensor4D | undefined,
  mode: Mode,
  inputs: UnitInputs,
): tf.Tensor {
  return context.reduce((sum, { from, layer }) => {
    const source = from === undefined ? images : inputs.get(from);
    if (source === undefined) {
      throw new UserError(
        `the context of ${name} reads ${from === undefined ? 'the images' : `the input of ${from}`}, which is not there: run the units from the network's first on, or hand on the inputs that they read (path 'independent' does)`,
      );
    }
    const term = layer.forward(source, mode);
    const next = addOp(sum, term);
    tf.dispose(sum === x ? term : [sum, term]);
    return next;
  }, x);
}

/** A unit's context, where it has one, and its own layer. */
export function unitLayers({ context, layer }: Unit): Layer[] {
  return [...(context ?? []).map((net) => net.layer), layer];
}

/** Lists the network's own parameters and running statistics, in PyTorch's order of modules. */
export function networkState(network: Network): Parameter[] {
  checkGiven('networkState', { network: networkSchema }, { network });
  return [...network.units.flatMap(unitLayers), network.head].flatMap((layer) => [
    ...layer.parameters,
    ...layer.buffers,
  ]);
}

/** Lists what a resumed run restores beside the network's state: how often its layers ran in training mode. */
export function networkCounters(network: Network): readonly Counter[] {
  checkGiven('networkCounters', { network: networkSchema }, { network });
  return ownedBy([...network.units.flatMap(unitLayers), network.head]).counters;
}

/** Frees a network's layers; contexts belong to the strategy that added them. */
export function disposeNetwork(network: Network): void {
  checkGiven('disposeNetwork', { network: networkSchema }, { network });
  for (const unit of network.units) disposeLayer(unit.layer);
  disposeLayer(network.head);
}
