import tf = require('@tensorflow/tfjs');
import type { CapturedStep, SegmentInputs, StepCapture } from '../engine/capture.js';
import { detach } from '../engine/detached.js';
import type { Batch } from '../local/batch.js';
import { freeStreams, type Streams } from '../local/update.js';
import type { Counter } from '../nn/layer.js';
import { computeUpdate, type ComputedUpdate, type ComputeUpdate } from './run-update.js';

/** What a captured update on a micro-batch, a segment of a step, is beside what the engine captured of it. */
export interface CapturedUpdate {
  /** Variables of the gradients. */
  readonly trained: readonly tf.Variable[];
  /** By name, where a stream comes from that it hands on. */
  readonly next: ReadonlyMap<string, 'made' | HandedThrough>;
  /** By how much each counter went up. */
  readonly counted: readonly number[];
  /** Whether a loss of it rebuilds the images, or one before it: what they must be for that is looked at each time. */
  readonly readsPixels: boolean;
}

/** A stream that was handed in, or another tensor of its values. */
interface HandedThrough {
  readonly given: string;
  readonly same: boolean;
}

/** What an update reads that it has not made. */
export const inputsOf = (
  streams: Streams,
  { sources }: Batch,
  variables: readonly tf.Variable[],
): SegmentInputs => ({
  given: Object.values(streams),
  kept: sources.tensors,
  variables,
  arrays: sources.arrays,
});

/**
 * Computes an update, and captures that.
 *
 * @param variables that it may read
 * @param counters that it may count on
 * @param add is given what was captured
 */
export const capturing =
  (
    capture: StepCapture,
    variables: readonly tf.Variable[],
    counters: readonly Counter[],
    add: (update: CapturedUpdate) => void,
  ): ComputeUpdate =>
  (update, streams, batch, share) => {
    const before = counters.map(({ value }) => value);
    const given = Object.entries(streams).map(([name, x]) => ({ name, x, dataId: x.dataId }));
    let computed: ComputedUpdate;
    let captured: CapturedUpdate;
    capture.segment(inputsOf(streams, batch, variables), () => {
      computed = computeUpdate(update, streams, batch, share);
      const { loss, gradients } = computed;
      const made: tf.Tensor[] = [];
      const next = new Map<string, 'made' | HandedThrough>();
      for (const [name, stream] of Object.entries(computed.next)) {
        const through = given.find(({ x, dataId }) => x === stream || dataId === stream.dataId);
        next.set(name, through === undefined ? 'made' : { given: through.name, same: through.x === stream });
        if (through === undefined) made.push(stream);
      }
      captured = {
        trained: [...gradients.keys()],
        next,
        counted: counters.map(({ value }, i) => value - before[i]!),
        readsPixels: batch.sources.pixelsRead,
      };
      return [loss, ...gradients.values(), ...made];
    });
    add(captured!);
    return computed!;
  };

/** Computes updates again as they were captured, in that order. */
export function playing(
  step: CapturedStep,
  updates: readonly CapturedUpdate[],
  variables: readonly tf.Variable[],
  counters: readonly Counter[],
): ComputeUpdate {
  let played = 0;
  return (_, streams, batch) => {
    const segment = played++;
    const { trained, next, counted, readsPixels } = updates[segment]!;
    const handedOn: Record<string, tf.Tensor> = {};
    try {
      if (readsPixels) batch.sources.checkPixels();
      counted.forEach((count, i) => (counters[i]!.value += count));
      const made = step.play(segment, inputsOf(streams, batch, variables));
      const loss = made[0] as tf.Scalar;
      const gradients = new Map(trained.map((variable, i) => [variable, made[1 + i]!]));
      let at = 1 + trained.length;
      for (const [name, origin] of next) {
        if (origin === 'made') {
          const stream = made[at++]!;
          handedOn[name] = detach(stream);
          stream.dispose();
        } else handedOn[name] = origin.same ? streams[origin.given]! : detach(streams[origin.given]!);
      }
      return { loss, gradients, next: handedOn };
    } finally {
      freeStreams(streams, handedOn);
    }
  };
}
