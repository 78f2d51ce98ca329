import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import type { MemoryMeter } from '../../src/engine/engine.js';
import { fused } from '../../src/engine/fused/registry.js';
import { UserError } from '../../src/core/errors.js';
import { randomStream } from '../../src/core/random.js';
import { adamw } from '../../src/train/adamw.js';
import { builtInOptimizers, optimizerOf, trainSchema } from '../../src/train/optimizers.js';
import { sgd } from '../../src/train/sgd.js';
import type { Optimizer, StateKind } from '../../src/train/optimizer.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';

/** A float32's nearest bfloat16, ties to even: what bits it keeps. */
function rounded(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}

const shape: [number, number, number, number] = [3, 3, 5, 7];
const size = 315;
const random = randomStream(1, 'optimiser state');
const values = (): Float32Array => Float32Array.from({ length: size }, () => random.uniform() - 0.5);
const start = values();
const gradients = Array.from({ length: 4 }, values);

interface Ran {
  readonly values: Float32Array;
  readonly optimizer: Optimizer;
  readonly variable: tf.Variable;
}

/** Steps one variable by these gradients; `between` may put another optimiser in the place of the first. */
function run(
  make: () => Optimizer,
  between: (ran: Omit<Ran, 'values'>) => Optimizer = ({ optimizer }) => optimizer,
): Ran {
  const variable = tf.tidy(() => tf.variable(tf.tensor4d(start, shape)));
  let optimizer = make();
  for (const values of gradients) {
    const gradient = tf.tensor4d(values, shape);
    optimizer.step([variable], [gradient], 0.1);
    gradient.dispose();
    optimizer = between({ optimizer, variable });
  }
  return { values: Float32Array.from(variable.dataSync()), optimizer, variable };
}

function free({ optimizer, variable }: Ran): void {
  optimizer.dispose();
  variable.dispose();
}

const plain = { momentum: 0.9, nesterov: true, weightDecay: 0.01 };
const adam = { betas: [0.8, 0.95], epsilon: 1e-4, weightDecay: 0.01 } as const;

describe.skipIf(!hasTorch)('an optimiser state in bfloat16', () => {
  let meter: MemoryMeter;
  beforeAll(async () => {
    meter = (await startEngine(torchEngine)).memory;
  });

  it('is rounded to nearest, ties to even', () => {
    tf.tidy(() => {
      const some = Float32Array.of(
        1,
        1 + 2 ** -8,
        1 + 3 * 2 ** -8,
        1 + 2 ** -8 + 2 ** -20,
        -1e-30,
        3e38,
        0,
        ...start,
      );
      const found = fused().toBfloat16(tf.tensor1d(some)).dataSync();
      expect([...found]).toEqual([...some].map(rounded));
      expect([...found.slice(0, 4)]).toEqual([1, 1, 1 + 2 ** -6, 1 + 2 ** -7]);
    });
  });

  it('SGD computes its step in float32 and rounds what it keeps alone', () => {
    const f = Math.fround;
    const [rate, momentum, decay] = [f(0.1), f(0.9), f(0.01)];
    for (const nesterov of [true, false]) {
      const expected = Float32Array.from(start);
      const kept = new Float32Array(size);
      for (const gradient of gradients) {
        for (let i = 0; i < size; i++) {
          const step = f(gradient[i]! + f(decay * expected[i]!));
          const velocity = f(f(momentum * kept[i]!) + step);
          kept[i] = rounded(velocity);
          expected[i] = f(expected[i]! - f(rate * (nesterov ? f(step + f(momentum * velocity)) : velocity)));
        }
      }
      const ran = run(() => sgd({ ...plain, nesterov, state: 'bf16' }));
      const { momentum_bf16 } = ran.optimizer.state().get(ran.variable)!;
      const largest = Math.max(...ran.values.map((value, i) => Math.abs(value - expected[i]!)));
      expect(largest).toBeLessThan(1e-6);
      expect(momentum_bf16!.values.every((value) => value === rounded(value))).toBe(true);
      free(ran);
    }
  });

  it.each<[string, (state: StateKind) => Optimizer, string]>([
    ['sgd', (state) => sgd({ ...plain, state }), 'momentum'],
    ['adamw', (state) => adamw({ ...adam, state }), 'exp_avg'],
  ])('of %s is near float32, goes on to the bit, and refuses the other kind', (_, make, name) => {
    const wanted = run(() => make('float32'));
    const straight = run(() => make('bf16'));
    expect(straight.values).not.toEqual(wanted.values);
    expect(Math.max(...straight.values.map((value, i) => Math.abs(value - wanted.values[i]!)))).toBeLessThan(
      2e-3,
    );
    const resumed = run(
      () => make('bf16'),
      ({ optimizer }) => {
        const next = make('bf16');
        next.restore(optimizer.state());
        optimizer.dispose();
        return next;
      },
    );
    expect(resumed.values).toEqual(straight.values);
    const other = make('float32');
    expect(() => other.restore(straight.optimizer.state())).toThrow(UserError);
    expect(() => other.restore(straight.optimizer.state())).toThrow(
      new RegExp(`train\\.optimizerState is another: it keeps ${name}.*, not ${name}_bf16`),
    );
    const short = make('bf16');
    expect(() => short.restore(wanted.optimizer.state())).toThrow(/train\.optimizerState is another/);
    [wanted, straight, resumed].forEach(free);
    [other, short].forEach((optimizer) => optimizer.dispose());
  });

  it('takes half of the memory, or three quarters of AdamW’s', () => {
    const taken = (optimizer: Optimizer): number => {
      const variable = tf.tidy(() => tf.variable(tf.zeros([64, 1024])));
      const gradient = tf.zeros([64, 1024]);
      const before = meter.current();
      optimizer.step([variable], [gradient], 0.1);
      const bytes = meter.current() - before;
      tf.dispose([variable, gradient]);
      optimizer.dispose();
      return bytes;
    };
    const float = 4 * 64 * 1024;
    expect(taken(sgd(plain))).toBe(float);
    expect(taken(sgd({ ...plain, state: 'bf16' }))).toBe(float / 2);
    expect(taken(adamw(adam))).toBe(2 * float);
    expect(taken(adamw({ ...adam, state: 'bf16' }))).toBe(1.5 * float);
  });
});

describe('what has no such numbers', () => {
  beforeAll(async () => {
    await startEngine('cpu');
  });

  it('says so before anything is trained', () => {
    const settings = trainSchema(builtInOptimizers).parse({
      ...{ epochs: 1, batchSize: 4, learningRate: 0.1, optimizerState: 'bf16', optimizer: 'adamw' },
    });
    expect(() => optimizerOf(settings, builtInOptimizers)).toThrow(
      /^train\.optimizerState: bf16 is there on the engines torch and torch-cuda alone/,
    );
  });
});
