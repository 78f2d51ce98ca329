import tf = require('@tensorflow/tfjs');
import { UserError } from '../core/errors.js';
import { fused } from '../engine/fused/registry.js';
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

/**
 * Keeps tensors of these names.
 *
 * @param short those of them that are kept in bfloat16; in a state they are called `momentum_bf16`
 */
export function keepTensors<Name extends string>(
  names: readonly Name[],
  short: readonly Name[] = [],
): KeptTensors<Name> {
  type Own = Readonly<Record<Name, tf.Variable>>;
  const kept = new Map<tf.Variable, Own>();
  const called = (name: Name): string => (short.includes(name) ? `${name}${shortSuffix}` : name);
  const of = (variable: tf.Variable): Own => {
    let own = kept.get(variable);
    if (own === undefined) {
      const zeros = (name: Name): tf.Variable =>
        tf.tidy(() => {
          const values = tf.zerosLike(variable as tf.Tensor);
          return tf.variable(short.includes(name) ? fused().toBfloat16(values) : values, false);
        });
      own = Object.fromEntries(names.map((name) => [name, zeros(name)])) as Own;
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
          Object.fromEntries(names.map((name) => [called(name), toTorch({ name, variable: own[name] })])),
        ]),
      ),
    restore(state) {
      for (const [variable, given] of state) refuseOthers(names.map(called), variable, given);
      for (const [variable, given] of state) {
        const own = of(variable);
        for (const name of names) {
          setFromTorch({ name, variable: own[name] }, given[called(name)]!);
          if (short.includes(name)) tf.tidy(() => own[name].assign(fused().toBfloat16(own[name])));
        }
      }
    },
    dispose() {
      tf.dispose([...kept.values()]);
      kept.clear();
    },
  };
}

const shortSuffix = '_bf16';

function refuseOthers(names: readonly string[], { shape }: tf.Variable, given: KeptOfVariable): void {
  const found = Object.keys(given);
  if (found.length !== names.length || names.some((name) => !found.includes(name))) {
    const list = (words: readonly string[]): string => (words.length === 0 ? 'nothing' : words.join(', '));
    const plain = (words: readonly string[]): string =>
      list(words.map((word) => word.replace(shortSuffix, '')));
    const key = plain(names) === plain(found) ? 'train.optimizerState is another: ' : '';
    throw new UserError(`not a state of this optimiser: ${key}it keeps ${list(names)}, not ${list(found)}`);
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
