import tf = require('@tensorflow/tfjs');

/** What is asked of a backend whose values are copied. */
export interface HostBackend {
  readSync(dataId: tf.DataId): tf.BackendValues;
  /** A tensor of these values, the caller's. */
  upload(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.TensorInfo;
}

/**
 * A kernel as TensorFlow.js's own `cpu` backend defines it, on values copied to the host and back. Strings, which libtorch
 * does not have, can be among its inputs and outputs.
 */
export function hostKernel(
  backend: HostBackend,
  name: string,
): (
  inputs: Readonly<Record<string, tf.TensorInfo | undefined>>,
  attrs: object,
) => tf.TensorInfo | tf.TensorInfo[] {
  return (inputs, attrs) => {
    const cpu = tf.findBackend('cpu');
    const config = tf.getKernel(name, 'cpu');
    const held: tf.DataId[] = [];
    const toHost = (info: tf.TensorInfo): tf.TensorInfo => {
      const dataId = cpu.write(backend.readSync(info.dataId), info.shape, info.dtype);
      held.push(dataId);
      // Some of these kernels ask for the rank, which only tensors have.
      return { dataId, shape: info.shape, dtype: info.dtype, rank: info.shape.length } as tf.TensorInfo;
    };
    const fromHost = (info: tf.TensorInfo): tf.TensorInfo => {
      held.push(info.dataId);
      return backend.upload(cpu.readSync(info.dataId), info.shape, info.dtype);
    };
    const entries = Object.entries(inputs).map(([key, value]): [string, unknown] => {
      const held = value as tf.TensorInfo | tf.TensorInfo[] | undefined | null;
      if (Array.isArray(held)) return [key, held.map(toHost)];
      return [key, held ? toHost(held) : held];
    });
    const onHost = Array.isArray(inputs) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
    try {
      const results = config.kernelFunc({
        inputs: onHost as tf.NamedTensorInfoMap,
        attrs: attrs as tf.NamedAttrMap,
        backend: cpu,
      });
      return Array.isArray(results) ? results.map(fromHost) : fromHost(results);
    } finally {
      for (const dataId of held) cpu.disposeData(dataId);
    }
  };
}
