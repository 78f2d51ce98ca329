import tf = require('@tensorflow/tfjs');
import { checkGiven } from '../core/given.js';
import type { Engine } from '../engine/engine.js';
import type { Batch } from '../local/batch.js';
import { engineSchema } from './check-training.js';
import { inputsOf } from './captured-update.js';
import { capturedWork } from './captured-work.js';

/** What is computed of batch after batch without changing a variable: the first as it is, later ones as it was captured. */
export interface CapturedEvaluation {
  /**
   * @param f reads the batch and variables alone, and does the same with every batch
   * @returns what f returns, in the current scope; the same bits
   */
  compute(batch: Batch, f: () => tf.Tensor[]): tf.Tensor[];
  /** What was captured counts no longer, before another batch has had the same done. */
  renew(): void;
  /** Why all is computed as it is, where that is so. */
  refused(): string | undefined;
}

/** Computes it as it is. */
export const evaluatedAsItIs: CapturedEvaluation = {
  compute: (_, f) => tf.tidy(f),
  renew: () => {},
  refused: () => undefined,
};

/**
 * Captures evaluation, on an engine that can; on others, it runs as it is.
 *
 * @param engine the one that is in use
 * @throws UserError if that is none
 */
export function capturedEvaluation(engine: Engine): CapturedEvaluation {
  checkGiven('capturedEvaluation', { engine: engineSchema }, { engine });
  const { capture } = engine;
  if (capture === undefined) return evaluatedAsItIs;
  const work = capturedWork<true>(capture, 'evaluated batches');
  return {
    compute(batch, f) {
      const how = work.begin(batch.sources.form);
      if (how === undefined) return tf.tidy(f);
      if (how.again !== undefined) {
        const { step, variables } = how.again;
        return step.play(0, inputsOf({}, batch, variables));
      }
      const { anew } = how;
      let made: tf.Tensor[] | undefined;
      try {
        anew.capture.segment(inputsOf({}, batch, anew.variables), () => (made = tf.tidy(f)));
      } finally {
        anew.end(made && true, true);
      }
      return made!;
    },
    renew: () => work.renew(),
    refused: () => work.refused(),
  };
}
