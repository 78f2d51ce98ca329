import { expect, it, vi } from 'vitest';

vi.mock('@tensorflow/tfjs', () => {
  throw new Error('TensorFlow.js was loaded');
});

it('finds out which engines are there without loading TensorFlow.js, which takes longest', async () => {
  const { probeEngines } = await import('../../src/engine/probe.js');
  const reports = await probeEngines();
  expect(reports.find(({ name }) => name === 'cpu')).toEqual({
    ...{ name: 'cpu', available: true },
    detail: expect.stringMatching(/^TensorFlow\.js 4\.\d+\.\d+ in JavaScript, 1 thread$/) as string,
  });
  const tensorflow = reports.find(({ name }) => name === 'tensorflow')!;
  if (tensorflow.available)
    expect(tensorflow.detail).toMatch(/^TensorFlow \d+\.\d+\.\d+ by @tensorflow\/tfjs-node/);
});
