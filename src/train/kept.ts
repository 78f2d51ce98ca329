import * as tf from '@tensorflow/tfjs';
import { UserError } from '../core/errors.js';
import { setFromTorch, toTorch, toTorchShape, type TorchTensor } from '../nn/parameters.js';

/** What is kept of one variable, by name, in PyTorch's layout. */
export type KeptOfVariable = Readonly<Record<string, TorchTensor>>;
/** What is kept of variables: what a checkpoint writes, and reads back. */
export type Kept = ReadonlyMap<tf.Variable, KeptOfVariable>;

/** Tensors on the engine that are kept of variables, each of its variable's shape. */
export interface KeptTensors<Name extends string> {
  /** Those of a variable; the first time they are zeros. */
  of(variable: tf.Variable): Readonly<Record<Name, tf.Variable>>;
  /** Copies of all of them. */
  state(): Kept;
  /**
   * Goes on from such copies.
   *
   * @throws UserError if they have other names or shapes, before anything is changed
   */
  restore(state: Kept): void;
  /** Frees them. */
  dispose(): void;
}

/** Keeps tensors of these names. */
export function keepTensors<Name extends string>(names: readonly Name[]): KeptTensors<Name> {
  type Own = Readonly<Record<Name, tf.Variable>>;
  const kept = new Map<tf.Variable, Own>();
  const of = (variable: tf.Variable): Own => {
    let own = kept.get(variable);
    if (own === undefined) {
      const zeros = (): tf.Variable => tf.tidy(() => tf.variable(tf.zerosLike(variable as tf.Tensor), false));
      own = Object.fromEntries(names.map((name) => [name, zeros()])) as Own;
      kept.set(variable, own);
    }
    return own;
  };
  return {
    of,
    state: () =>
      new Map(
        [...kept].map(([variable, own]) => [
          variable,
          Object.fromEntries(names.map((name) => [name, toTorch({ name, variable: own[name] })])),
        ]),
      ),
    restore(state) {
      for (const [variable, given] of state) refuseOthers(names, variable, given);
      for (const [variable, given] of state) {
        const own = of(variable);
        for (const name of names) setFromTorch({ name, variable: own[name] }, given[name]!);
      }
    },
    dispose() {
      tf.dispose([...kept.values()]);
      kept.clear();
    },
  };
}

function refuseOthers(names: readonly string[], { shape }: tf.Variable, given: KeptOfVariable): void {
  const found = Object.keys(given);
  if (found.length !== names.length || names.some((name) => !found.includes(name))) {
    const list = (words: readonly string[]): string => (words.length === 0 ? 'nothing' : words.join(', '));
    throw new UserError(`not a state of this optimiser: it keeps ${list(names)}, not ${list(found)}`);
  }
  const wanted = toTorchShape(shape);
  for (const name of names) {
    const { shape: other } = given[name]!;
    if (wanted.length === other.length && wanted.every((size, i) => size === other[i])) continue;
    throw new UserError(
      `not a state of this optimiser: ${name} has shape [${other.join(', ')}] instead of [${wanted.join(', ')}]`,
    );
  }
}
