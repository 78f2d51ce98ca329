import tf = require('@tensorflow/tfjs');
import type { Capture, CapturedStep, StepCapture } from '../engine/capture.js';

/** So many captures one after another, of which none did what one before it did, are enough. */
const patience = 4;

/** Forms of batches that are captured: whole ones, an epoch's last, and some that lack a bad image. */
const mostForms = 4;

/** Work on a batch of some form, as it was captured. */
export interface CapturedWork<Known> {
  readonly step: CapturedStep;
  /** What is known of it beside what the engine captured. */
  readonly known: Known;
  /** What it may read beside its inputs. */
  readonly variables: readonly tf.Variable[];
}

/** Work that is being captured. */
export interface WorkUnderWay<Known> {
  readonly capture: StepCapture;
  readonly variables: readonly tf.Variable[];
  /**
   * It is over.
   *
   * @param known undefined where it was broken off
   * @param livesOn whether what it has handed out is still there
   */
  end(known: Known | undefined, livesOn: boolean): void;
}

/** How work on a batch is done: again as it was captured, or captured now. */
export type HowDone<Known> =
  | { readonly again: CapturedWork<Known>; readonly anew?: undefined }
  | { readonly anew: WorkUnderWay<Known>; readonly again?: undefined };

/** Work that is done on batch after batch. It is made again where two batches of a form had the same done. */
export interface WorkOnBatches<Known> {
  /** How it is done on a batch of some form; undefined: as it is. */
  begin(form: string): HowDone<Known> | undefined;
  /** What was captured counts no longer, before another batch has had the same done. */
  renew(): void;
  /** Why all is done as it is, where that is so. */
  refused(): string | undefined;
}

/** @param what for messages: what was not done alike, in the plural */
export function capturedWork<Known>(engine: Capture, what: string): WorkOnBatches<Known> {
  const forms = new Map<string, CapturedWork<Known> & { confirmed: boolean }>();
  let fruitless = 0;
  let refused: string | undefined;

  const take = (form: string, now: CapturedWork<Known> | string): void => {
    let reason = `no two ${what} did the same`;
    fruitless++;
    if (typeof now === 'string') {
      reason = now;
      forms.delete(form);
    } else {
      const before = forms.get(form);
      const confirmed = before !== undefined && engine.same(before.step, now.step);
      if (confirmed) fruitless = 0;
      forms.set(form, { ...now, confirmed });
    }
    if (fruitless === patience) refused = reason;
  };

  const captureNow = (form: string): WorkUnderWay<Known> => {
    const variables = Object.values(tf.engine().state.registeredVariables);
    const capture = engine.begin();
    return {
      ...{ capture, variables },
      end(known, livesOn) {
        const step = capture.end(livesOn);
        if (known !== undefined) take(form, typeof step === 'string' ? step : { step, known, variables });
      },
    };
  };

  return {
    begin(form) {
      const again = forms.get(form);
      if (refused !== undefined || (again === undefined && forms.size === mostForms)) return undefined;
      if (again?.confirmed !== true || !again.step.fits(again.variables)) return { anew: captureNow(form) };
      fruitless = 0;
      return { again };
    },
    renew: () => forms.forEach((each) => (each.confirmed = false)),
    refused: () => refused,
  };
}
