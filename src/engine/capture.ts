import type * as tf from '@tensorflow/tfjs';

/** What a segment of a step reads that it has not made. */
export interface SegmentInputs {
  /** Tensors that it may dispose. */
  readonly given: readonly tf.Tensor[];
  /** Tensors that stay, other ones each time. */
  readonly kept: readonly tf.Tensor[];
  /** Those that stay from step to step, where they are. */
  readonly variables: readonly tf.Variable[];
  /** Arrays whose values it puts on the engine: other ones each time. */
  readonly arrays: readonly (Float32Array | Uint8Array)[];
}

/** A step that was captured, to be made again: the same calls of the engine's kernels, without JavaScript in between. */
export interface CapturedStep {
  /** Whether the variables have the shapes, layouts and dtypes that they were captured in, each in memory of its own. */
  fits(variables: readonly tf.Variable[]): boolean;
  /**
   * Makes the next segment again; the first begins the step.
   *
   * @param inputs of the same shapes and dtypes, in the same order; what the captured segment has disposed is disposed
   * @returns what the captured segment has handed out, in the current scope
   * @throws as its kernels; what the step has made is freed then, but for what was handed out
   */
  play(segment: number, inputs: SegmentInputs): tf.Tensor[];
  /** Frees what segments have made for others that do not come. */
  abandon(): void;
}

/** A step that is being captured. It has segments; what is between them is not captured. */
export interface StepCapture {
  /** Captures what f does. @param f returns what the segment hands out */
  segment(inputs: SegmentInputs, f: () => readonly tf.Tensor[]): void;
  /**
   * The step is over. To be called in any case, and once.
   *
   * @param livesOn whether what segments have handed out may still be there; what else they have made may not
   * @returns the step, or why it cannot be made again
   */
  end(livesOn: boolean): CapturedStep | string;
}

/** Captures steps: of an engine that can. */
export interface Capture {
  /** Begins to capture a step. */
  begin(): StepCapture;
  /** Whether two do the same, with the same numbers where those are not of a segment's inputs. */
  same(a: CapturedStep, b: CapturedStep): boolean;
}
