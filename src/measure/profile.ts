import { sum } from '../core/stats.js';
import type { Engine } from '../engine/engine.js';
import type { Native, NativeProfile, ProfiledCall, ProfiledConvolution } from '../engine/torch/native.js';
import type { Method } from '../local/method.js';
import { median } from '../core/stats.js';
import { openBench, warmupSteps, type BenchParts, type BenchSetting } from './bench-run.js';

export interface ProfileOptions extends BenchSetting {
  /** Steps that are profiled, and before them as many that are not. */
  readonly steps: number;
}

/** Where the time of a step goes: means over the profiled steps, so that they add up. */
export interface ProfileResult extends BenchSetting {
  readonly method: string;
  readonly threads: number;
  readonly steps: number;
  /** Median time of a step that is not profiled. */
  readonly plainMilliseconds: number;
  /** Mean time of a profiled step: operators, bridge and JavaScript; or what is before the updates, and the updates. */
  readonly milliseconds: number;
  /** What JavaScript calls, slowest first, with the operators and kernels that ran inside. */
  readonly operators: readonly ProfiledCall[];
  /** In native code around the operators: checking and converting arguments, wrapping results. */
  readonly bridgeMilliseconds: number;
  /** Outside of all native calls: TensorFlow.js, its tape, this program. */
  readonly javascriptMilliseconds: number;
  /** Before the first update: the images' way to the engine. */
  readonly inputMilliseconds: number;
  readonly updates: readonly ProfiledUpdate[];
  /** Shapes that convolutions ran on, libtorch's and our own, with runs a step. */
  readonly convolutions: readonly ProfiledConvolution[];
  /** In convolutions, forward and backward; our own include what is fused with them. */
  readonly convolutionMilliseconds: number;
}

export interface ProfiledUpdate {
  readonly name: string;
  /** Forward and backward pass, and handing on. */
  readonly gradientMilliseconds: number;
  readonly optimizerMilliseconds: number;
  readonly peakBytes: number;
}

/**
 * Profiles training steps of one method on the torch engine.
 * Throws a UserError if the network has too few units for the blocks.
 */
export function profileMethod(
  engine: Engine,
  native: Native,
  method: Method,
  options: ProfileOptions,
): ProfileResult {
  const { steps, layers, blocks, batch } = options;
  const clock = updateClock();
  const run = openBench(engine, method, options, (parts) => clock.watch(parts));
  try {
    for (let step = 0; step < warmupSteps; step++) run.step();
    const plain: number[] = [];
    for (let step = 0; step < steps; step++) {
      const start = performance.now();
      run.step();
      plain.push(performance.now() - start);
    }
    clock.reset();
    let total = 0;
    native.startProfile();
    for (let step = 0; step < steps; step++) {
      const start = performance.now();
      const { peakBytes } = run.step(engine.memory);
      const end = performance.now();
      clock.endStep(start, end, peakBytes);
      total += end - start;
    }
    const profile = perStep(native.stopProfile(), steps);
    const { operators, bridgeMilliseconds } = splitBridge(profile.calls);
    const milliseconds = total / steps;
    const javascriptMilliseconds =
      milliseconds - bridgeMilliseconds - sum(operators.map((call) => call.milliseconds));
    if (javascriptMilliseconds < 0) {
      throw new Error(
        `the native calls took ${-javascriptMilliseconds} ms longer than the steps that made them`,
      );
    }
    return {
      ...{ method: method.name, layers, blocks, batch, threads: native.threads, steps },
      plainMilliseconds: median(plain),
      milliseconds,
      operators,
      bridgeMilliseconds,
      javascriptMilliseconds,
      inputMilliseconds: clock.inputMilliseconds() / steps,
      updates: clock.updates(steps),
      convolutions: profile.convolutions,
      convolutionMilliseconds: sum(outermost(operators, isConvolution).map((call) => call.milliseconds)),
    };
  } finally {
    run.dispose();
  }
}

interface UpdateTimes {
  readonly name: string;
  start: number;
  optimizer: number;
  total: number;
  peak: number;
}

/** Reads the clock where updates begin and around optimiser steps. */
function updateClock() {
  let times: UpdateTimes[] = [];
  let current: UpdateTimes | undefined;
  let input = 0;
  return {
    watch({ strategy, optimizer }: BenchParts): BenchParts {
      times = strategy.updates.map(({ name }) => ({ name, start: 0, optimizer: 0, total: 0, peak: 0 }));
      const updates = strategy.updates.map((update, i) => ({
        ...update,
        forward: (...args: Parameters<typeof update.forward>) => {
          current = times[i]!;
          current.start = performance.now();
          return update.forward(...args);
        },
      }));
      return {
        strategy: { ...strategy, updates },
        optimizer: {
          ...optimizer,
          step(...args) {
            const start = performance.now();
            optimizer.step(...args);
            if (current !== undefined) current.optimizer += performance.now() - start;
          },
        },
      };
    },
    reset() {
      input = 0;
      for (const time of times) time.optimizer = time.total = time.peak = 0;
    },
    endStep(start: number, end: number, peakBytes: readonly number[]) {
      input += times[0]!.start - start;
      times.forEach((time, i) => {
        time.total += (times[i + 1]?.start ?? end) - time.start;
        time.peak = Math.max(time.peak, peakBytes[i]!);
      });
    },
    inputMilliseconds: () => input,
    updates: (steps: number): ProfiledUpdate[] =>
      times.map(({ name, total, optimizer, peak }) => ({
        name,
        gradientMilliseconds: (total - optimizer) / steps,
        optimizerMilliseconds: optimizer / steps,
        peakBytes: peak,
      })),
  };
}

function perStep({ calls, convolutions }: NativeProfile, steps: number): NativeProfile {
  const scaled = (call: ProfiledCall): ProfiledCall => ({
    ...call,
    calls: call.calls / steps,
    milliseconds: call.milliseconds / steps,
    allocatedBytes: call.allocatedBytes / steps,
    inside: bySlowest(call.inside.map(scaled)),
  });
  return {
    calls: calls.map(scaled),
    convolutions: convolutions.map((convolution) => ({
      ...convolution,
      forward: convolution.forward / steps,
      backwardData: convolution.backwardData / steps,
      backwardWeights: convolution.backwardWeights / steps,
    })),
  };
}

/** A call of an operator is that operator in libtorch, and the bridge around it. */
function splitBridge(calls: readonly ProfiledCall[]): {
  operators: ProfiledCall[];
  bridgeMilliseconds: number;
} {
  let bridgeMilliseconds = 0;
  const operators = calls.map((call) => {
    const [name] = call.name.split('.');
    const operator = call.inside.find((inside) => inside.name === name);
    if (operator === undefined) return call;
    bridgeMilliseconds += call.milliseconds - operator.milliseconds;
    return { ...operator, name: call.name };
  });
  return { operators: bySlowest(operators), bridgeMilliseconds };
}

const isConvolution = ({ name }: ProfiledCall): boolean =>
  /^(aten::convolution(_backward)?|direct convolution( backward)?)$/.test(name);

function outermost(calls: readonly ProfiledCall[], wanted: (call: ProfiledCall) => boolean): ProfiledCall[] {
  return calls.flatMap((call) => (wanted(call) ? [call] : outermost(call.inside, wanted)));
}

const bySlowest = (calls: readonly ProfiledCall[]): ProfiledCall[] =>
  calls.toSorted((a, b) => b.milliseconds - a.milliseconds);
