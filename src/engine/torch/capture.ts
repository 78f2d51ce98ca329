import tf = require('@tensorflow/tfjs');
import type { Capture, CapturedStep, SegmentInputs } from '../capture.js';
import type { TorchBackend } from './backend.js';
import type { NativeStep, NativeTensor } from './native.js';

/** A tensor of TensorFlow.js that a segment hands out, of one of its libtorch tensors. */
interface HandedOut {
  /** Its place among them. */
  readonly of: number;
  readonly dtype: tf.DataType;
  readonly shape: readonly number[];
}

interface TorchStep extends CapturedStep {
  readonly native: NativeStep;
}

/** Captures steps in libtorch's bridge. */
export function torchCapture(backend: TorchBackend): Capture {
  const { capture } = backend.native;
  const captured = (native: NativeStep, outputs: readonly (readonly HandedOut[])[]): TorchStep => {
    const uses = capture.uses(native);
    return {
      native,
      fits: (variables) =>
        uses.every((used, segment) => {
          const read = used.map(({ of, place }) => (of === 'variables' ? variables[place]! : null));
          // What shares its memory gets some of its own when it is written to.
          const areAlone = read.every((each) => each === null || backend.refCount(each.dataId) === 1);
          const natives = areAlone ? read.map((each) => each && backend.own(each)) : [];
          return areAlone && capture.fits(native, segment, natives);
        }),
      play(segment, inputs) {
        const tensors = uses[segment]!.map(({ of, place }): NativeTensor => backend.own(inputs[of][place]!));
        const made = capture.play(native, segment, tensors, inputs.arrays);
        return wrap(backend, made, outputs[segment]!);
      },
      abandon: () => capture.abandon(native),
    };
  };

  /** Null for what is absent, strings, or another backend's. */
  const ownOrNull = (variable: tf.Variable): NativeTensor | null =>
    variable.dtype === 'string' || backend.refCount(variable.dataId) === 0 ? null : backend.own(variable);

  return {
    begin() {
      const under = capture.begin();
      const outputs: HandedOut[][] = [];
      return {
        segment({ given, kept, variables, arrays }: SegmentInputs, f) {
          capture.open(
            under,
            given.map(backend.own),
            kept.map(backend.own),
            variables.map(ownOrNull),
            arrays,
          );
          const tensors = f();
          // What comes after the segment has views of its own.
          for (const tensor of tensors) backend.freeViews(tensor);
          const natives = tensors.map(backend.own);
          const made = [...new Set(natives)];
          capture.close(under, made);
          outputs.push(
            tensors.map(({ dtype, shape }, i) => ({
              of: made.indexOf(natives[i]!),
              dtype,
              shape: [...shape],
            })),
          );
        },
        end(livesOn) {
          const ended = capture.end(under, livesOn);
          return typeof ended === 'string' ? ended : captured(ended, outputs);
        },
      };
    },
    same: (a, b) => capture.same((a as TorchStep).native, (b as TorchStep).native),
  };
}

/** Libtorch tensors as TensorFlow.js's in the current scope. */
function wrap(
  backend: TorchBackend,
  natives: readonly NativeTensor[],
  outputs: readonly HandedOut[],
): tf.Tensor[] {
  const known = new Map<number, tf.TensorInfo>();
  return outputs.map(({ of, dtype, shape }) => {
    const first = known.get(of);
    const { dataId } = first === undefined ? backend.output(natives[of]!, dtype) : backend.share(first);
    const info = { dataId, dtype, shape: [...shape] };
    known.set(of, info);
    return tf.engine().makeTensorFromTensorInfo(info, backend);
  });
}
