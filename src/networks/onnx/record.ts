import tf = require('@tensorflow/tfjs');
import { evaluationMode } from '../../engine/fused/ops.js';
import { registerFusedOps } from '../../engine/fused/registry.js';
import { scoped } from '../../engine/scoped.js';
import { UserError } from '../../core/errors.js';
import type { Parameter } from '../../nn/parameters.js';
import { networkForward, networkState, type Network } from '../network.js';
import { recordingOps, type Recorder } from './fused.js';
import { batchSize, Graph, inOrder, type Value } from './graph.js';
import { recordingKernels } from './kernels.js';

const backendName = 'onnx-recorder';

/** What a network computes of `images`, a value in ONNX's order of axes. */
export interface RecordedNetwork {
  readonly graph: Graph;
  readonly images: Value;
  /** `[n, classes]`. */
  readonly logits: Value;
}

/**
 * Runs the network's own forward pass in evaluation mode on a backend that computes nothing and writes down what it is
 * asked for. So whatever can be trained can be recorded, and the graph cannot differ from the code.
 *
 * @throws UserError for an operation that has no counterpart in `kernels.ts`
 */
export async function recordNetwork(network: Network): Promise<RecordedNetwork> {
  const backend = new RecordingBackend(networkState(network));
  const previous = tf.getBackend();
  tf.registerBackend(backendName, () => backend);
  registerFusedOps(backendName, recordingOps(backend));
  for (const [kernelName, run] of Object.entries(recordingKernels)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        backend.run(Object.values(inputs), (values) => run(backend.graph, values, attrs ?? {})),
    });
  }
  try {
    await tf.setBackend(backendName);
    return backend.record(network);
  } catch (error) {
    const missing =
      error instanceof Error &&
      /^Kernel '(\w+)' not registered for backend 'onnx-recorder'$/.exec(error.message)?.[1];
    if (!missing) throw error;
    throw new UserError(
      `${network.name} cannot be exported to ONNX: it uses TensorFlow.js's ${missing}, for which no ONNX operator is known here`,
    );
  } finally {
    await tf.setBackend(previous);
    for (const kernelName of Object.keys(recordingKernels)) tf.unregisterKernel(kernelName, backendName);
    tf.removeBackend(backendName);
  }
}

/** Tensors here are names in a graph; nothing has values but what the code wrote down itself. */
class RecordingBackend extends tf.KernelBackend implements Recorder {
  readonly graph = new Graph();
  readonly #values = new Map<tf.DataId, Value>();
  readonly #written = new Map<tf.DataId, ArrayLike<number>>();
  readonly #parameters: ReadonlyMap<tf.DataId, Parameter>;

  constructor(parameters: readonly Parameter[]) {
    super();
    this.#parameters = new Map(parameters.map((parameter) => [parameter.variable.dataId, parameter]));
  }

  record(network: Network): RecordedNetwork {
    const [height, width, channels] = network.imageShape;
    const images = { name: 'images', shape: [batchSize, height, width, channels], order: [0, 3, 1, 2] };
    return scoped(() => {
      const logits = networkForward(network, this.tensor<tf.Tensor4D>(images), evaluationMode);
      return { graph: this.graph, images, logits: this.graph.arrange(this.value(logits), inOrder(2)) };
    });
  }

  run(
    inputs: readonly (tf.TensorInfo | undefined)[],
    record: (values: Value[]) => Value | Value[],
  ): tf.TensorInfo | tf.TensorInfo[] {
    const result = record(inputs.filter((input) => input !== undefined).map((input) => this.value(input)));
    return Array.isArray(result) ? result.map((value) => this.#info(value)) : this.#info(result);
  }

  readonly value = (tensor: tf.TensorInfo): Value => {
    const { dataId, shape } = tensor;
    const known = this.#values.get(dataId);
    if (known !== undefined) return known;
    const parameter = this.#parameters.get(dataId);
    const value =
      parameter === undefined
        ? this.#constant(
            this.#written.get(dataId) ?? (tf.engine().readSync(dataId) as ArrayLike<number>),
            shape,
          )
        : this.graph.parameter(parameter);
    this.#values.set(dataId, value);
    return value;
  };

  #constant(values: ArrayLike<number>, shape: readonly number[]): Value {
    if (shape.length === 0) return { name: this.graph.scalar(values[0]!), shape, order: [] };
    return this.graph.constant(Float32Array.from(values), shape);
  }

  readonly tensor = <T extends tf.Tensor>(value: Value): T =>
    tf.engine().makeTensorFromTensorInfo(this.#info(value)) as T;

  #info(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: 'float32' };
  }

  override write(values: tf.BackendValues): tf.DataId {
    const dataId = {};
    this.#written.set(dataId, values as ArrayLike<number>);
    return dataId;
  }

  override readSync(): never {
    throw new Error('a network whose computation depends on the values of its features has no fixed graph');
  }

  override disposeData(dataId: tf.DataId): boolean {
    this.#values.delete(dataId);
    this.#written.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return new Set([...this.#values.keys(), ...this.#written.keys()]).size;
  }

  override refCount(): number {
    return 1;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}
