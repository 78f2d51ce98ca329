import type * as tf from '@tensorflow/tfjs';
import { torchOps, type FusedOps } from '../fused/all.js';
import { precisionInForce } from '../precision.js';
import type { TorchBackend } from './backend.js';
import type { MultiOperator, NativeTensor, Operator } from './native.js';

/**
 * The fused ops on libtorch (native/layers). Gradients are first-order only. A gradient of a detached input is
 * never computed, nor of parameters in a frozen mode.
 */
export function torchFusedOps(backend: TorchBackend): FusedOps {
  const { native, device } = backend;
  const wrap = (tensor: NativeTensor): tf.Tensor => backend.wrap(tensor);
  const convert = native.op('aten::to', 'dtype') as Operator;
  return torchOps({
    device,
    op: (name, overload) => native.op(name, overload) as Operator,
    multiOp: (name) => native.op(name) as MultiOperator,
    bytesToDevice: (values, shape) => native.fromTypedArray(values, shape, 'uint8', device),
    input: (tensor) => (tensor === undefined ? null : backend.asHeld(tensor)) as never,
    asMap(x) {
      if (precisionInForce() === 'float32' || backend.isShort(x)) return x;
      return wrap(convert(backend.asHeld(x), 'bfloat16', false, false, null)) as typeof x;
    },
    asFloat(x) {
      if (!backend.isShort(x)) return x;
      return wrap(convert(backend.asHeld(x), 'float32', false, false, null)) as typeof x;
    },
    wrap,
    wrapAll: (tensors) => tensors.map((tensor) => (tensor === null ? undefined : wrap(tensor))),
    isOwn: backend.isAlone,
    writable: backend.writable,
  });
}
