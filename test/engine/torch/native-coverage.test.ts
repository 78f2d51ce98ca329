import { expect, it } from 'vitest';
import type { TorchBackend } from '../../../src/engine/torch/backend.js';
import { torchFusedOps } from '../../../src/engine/torch/fused.js';
import { allKernels } from '../../../src/engine/torch/kernels/all.js';
import type { Native } from '../../../src/engine/torch/native.js';
import { rightCalls } from './native-calls.js';
import { describeCall } from './native-random.js';

it('every operator that the engine binds is among the calls that the fuzz tests make wrong', () => {
  const bound = new Set<string>();
  const op = (name: string, overload?: string) => {
    bound.add(describeCall({ name, overload, args: [] }));
    return () => null;
  };
  const native = { op } as unknown as Native;
  const backend = { op, multiOp: op, native, device: 'cpu' } as unknown as TorchBackend;
  allKernels(backend);
  torchFusedOps(native, backend);
  expect(bound.size).toBeGreaterThan(80);
  const called = new Set(rightCalls.map(describeCall));
  expect([...bound].filter((name) => !called.has(name)).toSorted()).toEqual([]);
});
