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
          const areThere = read.every(
            (variable) => variable === null || backend.refCount(variable.dataId) > 0,
          );
          return (
            areThere &&
            capture.fits(
              native,
              segment,
              read.map((variable) => variable && backend.own(variable)),
            )
          );
        }),
      play(segment, inputs) {
        const tensors = uses[segment]!.map(({ of, place }): NativeTensor => backend.own(inputs[of][place]!));
        const made = capture.play(native, segment, tensors, inputs.arrays);
        return wrap(backend, made, outputs[segment]!);
      },
      abandon: () => capture.abandon(native),
    };
  };

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
            variables.map(backend.own),
            arrays,
          );
          const tensors = f();
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
        end() {
          const ended = capture.end(under);
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
