import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { NativeStep } from '../../../src/engine/torch/native.js';
import { stepTools } from './native-steps.js';
import { describeNative } from './native-tools.js';

describeNative('steps that the bridge cannot capture', ({ native, floats, keep }) => {
  const { add, captured } = stepTools(native, keep);

  it.each<[string, () => NativeStep | string, string]>([
    [
      'a tensor from before',
      () => {
        const x = floats([1]);
        return captured({}, () => [add(x, x)]);
      },
      'aten::add.Tensor reads a tensor from before the step',
    ],
    [
      'values that are read',
      () => {
        const x = floats([1]);
        return captured({ kept: [x] }, () => {
          const y = add(x, x);
          native.read(y);
          return [y];
        });
      },
      'an update reads values back',
    ],
    [
      'a variable that is disposed',
      () => {
        const x = floats([1]);
        return captured({ variables: [x] }, () => {
          const y = add(x, x);
          x.dispose();
          return [y];
        });
      },
      'an update disposes what it was not given, or gives a variable other memory',
    ],
    [
      'an output that was handed in',
      () => {
        const x = floats([1]);
        return captured({ given: [x] }, () => [x]);
      },
      'an update hands out a tensor that it has not made',
    ],
    [
      'a call that failed',
      () => {
        const x = floats([1, 2]);
        const y = floats([1, 2, 3]);
        return captured({ kept: [x, y] }, () => {
          expect(() => add(x, y)).toThrow();
          return [add(x, x)];
        });
      },
      'a call failed',
    ],
    [
      'variables that share a handle',
      () => {
        const x = floats([1]);
        return captured({ variables: [x, x] }, () => [add(x, x)]);
      },
      'variables share their memory',
    ],
    [
      'a tensor that is left',
      () => {
        const x = floats([1]);
        return captured({ kept: [x] }, () => [add(x, keep(add(x, x)))]);
      },
      'an update keeps a tensor beyond its step',
    ],
    [
      'values that are read between segments',
      () => {
        const x = floats([1]);
        const under = native.capture.begin();
        native.capture.open(under, [], [x], [], []);
        const y = add(x, x);
        native.capture.close(under, []);
        native.read(y);
        y.dispose();
        return native.capture.end(under, true);
      },
      'an update reads values back',
    ],
    [
      'something between segments that reads what one has made',
      () => {
        const x = floats([1]);
        const under = native.capture.begin();
        native.capture.open(under, [], [x], [], []);
        const y = keep(add(x, x));
        native.capture.close(under, []);
        keep(add(y, y));
        return native.capture.end(under, true);
      },
      'aten::add.Tensor reads between updates what one has made',
    ],
  ])('are refused for %s', (_, run, reason) => {
    expect(run()).toBe(reason);
  });

  it.skipIf(!native?.distributed)('are refused for sums over ranks', async () => {
    const { distributed } = native;
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const group = await distributed!.join('127.0.0.1', port, true, 'p', 1, 0, 'gloo', '', 'here', 20_000);
    const x = floats([1, 2]);
    const found = captured({ kept: [x] }, () => {
      const y = add(x, x);
      distributed!.sumNow(group, [y]);
      return [y];
    });
    await distributed!.close(group);
    expect(found).toBe('an update sums over ranks in its middle');
  });
});
