import tf = require('@tensorflow/tfjs');
import { differentiable } from './fused/differentiable.js';
import { keepMap } from './fused/kept-map.js';
import { record } from './recording.js';
import type { Recompute } from './recompute-choices.js';
import { outsideTape, takeSum } from './tape.js';

/** Where the computation of a place is that is made again; `made` comes with its output. */
export type Moment =
  /** Its forward pass begins, and ends. */
  | 'forward'
  | 'forward-end'
  /** Its backward pass begins; it has been made again, and its output too; without its output; it ends. */
  | 'backward'
  | 'made'
  | 'output-freed'
  | 'backward-end';

/** A part of a computation that can be made again in the backward pass. */
export interface Place {
  /** Whether it is. */
  readonly again: boolean;
  /** Told of how it goes, where it is made again. */
  readonly reached?: (moment: Moment, output?: tf.Tensor) => void;
}

/** Asked for each place, in the order in which a forward pass comes to them. */
export type Places = () => Place;

interface InForce {
  readonly recompute: Recompute;
  readonly places: Places;
}

const everyPlace: Places = () => ({ again: true });
let current: InForce = { recompute: 'none', places: everyPlace };

/** What the computation that is under way makes again. */
export const recomputeInForce = (): Recompute => current.recompute;

/** The next place of the computation that is under way. */
export const nextPlace = (): Place => current.places();

/** Runs f with that in force, at these places; by default at all. */
export function withRecompute<T>(recompute: Recompute, f: () => T, places = everyPlace): T {
  const before = current;
  current = { recompute, places };
  try {
    return f();
  } finally {
    current = before;
  }
}

/** A computation that can be run twice. */
export interface Repeatable {
  /** All that gradients may be asked of, beside its input. */
  readonly variables: readonly tf.Variable[];
  /** The first time. */
  readonly run: (x: tf.Tensor) => tf.Tensor;
  /** Once more: the same numbers to the last bit, and no running statistic or counter moves. */
  readonly again: (x: tf.Tensor) => tf.Tensor;
  /** What is recomputed of that. */
  readonly within: Recompute;
  /** Told of how it goes. */
  readonly reached?: Place['reached'];
}

/**
 * Runs a computation of which only the input is kept, or what that can be made of. Its backward pass runs it once more, and goes back through that.
 *
 * @returns a new tensor, the caller's to dispose
 */
export function recomputed(x: tf.Tensor, { variables, run, again, within, reached }: Repeatable): tf.Tensor {
  return differentiable([x, ...variables], ({ wants }) => {
    const kept = keepMap(x);
    reached?.('forward');
    const y = outsideTape(() => withRecompute('none', () => tf.tidy(() => run(x))));
    reached?.('forward-end');
    return {
      y,
      saved: kept.saved,
      backward: (dy, saved) => {
        reached?.('backward');
        const { output, recording } = kept.read(saved, (input) =>
          withRecompute(within, () => record(input, again)),
        );
        reached?.('made', output);
        output.dispose();
        reached?.('output-freed');
        const asked = variables.filter(wants);
        const [dx, ...gradients] = wants(x)
          ? recording.finishWithInput(dy.clone(), asked, takeSum(x))
          : [undefined, ...recording.finish(dy.clone(), asked)];
        reached?.('backward-end');
        return [dx, ...variables.map((variable) => (wants(variable) ? gradients.shift() : undefined))];
      },
    };
  });
}
