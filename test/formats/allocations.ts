const ARRAYS = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Int8Array',
  'Uint8Array',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Array',
] as const;

const BUFFERS = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const;

/**
 * Sees how much memory is asked for at once from here on: every `new` of an array or buffer with a length, and Buffer's
 * allocations. `stop` gives the bytes of the largest.
 */
export function watchAllocations(): { stop(): number } {
  let largest = 0;
  const note = (size: unknown, each: number): void => {
    if (typeof size === 'number' && size * each > largest) largest = size * each;
  };
  const globals = globalThis as unknown as Record<string, { BYTES_PER_ELEMENT?: number }>;
  const restore: (() => void)[] = [];
  for (const name of ARRAYS) {
    const original = globals[name]!;
    const each = original.BYTES_PER_ELEMENT ?? (name === 'Array' ? 8 : 1);
    globals[name] = new Proxy(original, {
      construct(target, args: unknown[], newTarget) {
        note(args[0], each);
        return Reflect.construct(target as new () => object, args, newTarget) as object;
      },
    });
    restore.push(() => (globals[name] = original));
  }
  for (const name of BUFFERS) {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- a function that takes no `this`
    const original = Buffer[name];
    Buffer[name] = (size: number, ...rest: never[]) => {
      note(size, 1);
      return original(size, ...rest);
    };
    restore.push(() => (Buffer[name] = original));
  }
  return {
    stop() {
      for (const back of restore) back();
      return largest;
    },
  };
}
