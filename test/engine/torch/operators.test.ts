import { expect, it } from 'vitest';
import { TorchBackend } from '../../../src/engine/torch/backend.js';
import { torchFusedOps } from '../../../src/engine/torch/fused.js';
import { allKernels } from '../../../src/engine/torch/kernels/all.js';
import type { Native } from '../../../src/engine/torch/native.js';
import { rightCalls } from './native-calls.js';
import { describeCall } from './native-random.js';
import { describeNative } from './native-tools.js';

describeNative('the operators that the bridge offers', ({ native }) => {
  it('are those that the engine binds, no more and no less', () => {
    const bound = new Set<string>();
    const op = (name: string, overload?: string) => {
      bound.add(describeCall({ name, overload, args: [] }));
      return () => null;
    };
    const recording = { ...native, op } as Native;
    const backend = new TorchBackend(recording, 'cpu');
    allKernels(backend);
    torchFusedOps(backend);
    expect([...bound].toSorted()).toEqual(native.operators.toSorted());
  });

  it('are those that the fuzz tests call, rightly and wrongly', () => {
    expect([...new Set(rightCalls.map(describeCall))].toSorted()).toEqual(native.operators.toSorted());
  });
});
