/** Many pieces of bytes in two shared arrays, one after another. */
export interface PackedBytes {
  readonly bytes: Uint8Array;
  /** Where each begins, and the end of the last: one more than there are pieces. */
  readonly starts: Float64Array;
}

/** Many paths in two shared arrays: worker threads read them without a copy, a million take no more than their letters. */
export interface PathList extends PackedBytes {
  /** UTF-8, one after another. */
  readonly bytes: Uint8Array;
}

export function packPaths(paths: readonly string[]): PathList {
  const starts = new Float64Array(new SharedArrayBuffer(8 * (paths.length + 1)));
  for (const [i, path] of paths.entries()) starts[i + 1] = starts[i]! + Buffer.byteLength(path);
  const bytes = new Uint8Array(new SharedArrayBuffer(starts[paths.length]!));
  const text = Buffer.from(bytes.buffer);
  for (const [i, path] of paths.entries()) text.write(path, starts[i]!);
  return { bytes, starts };
}

export const pathAt = (paths: PathList, index: number): string => bytesAt(paths, index).toString();

/** One of them, without a copy. */
export function bytesAt({ bytes, starts }: PackedBytes, index: number): Buffer {
  const { buffer, byteOffset } = bytes;
  return Buffer.from(buffer, byteOffset + starts[index]!, starts[index + 1]! - starts[index]!);
}

/** Those of the indices, in their order: a million paths are never a million strings. */
export function packedSubset({ bytes, starts }: PackedBytes, indices: Uint32Array): PackedBytes {
  const ends = new Float64Array(new SharedArrayBuffer(8 * (indices.length + 1)));
  indices.forEach((index, i) => (ends[i + 1] = ends[i]! + starts[index + 1]! - starts[index]!));
  const chosen = new Uint8Array(new SharedArrayBuffer(ends[indices.length]!));
  indices.forEach((index, i) => chosen.set(bytes.subarray(starts[index], starts[index + 1]), ends[i]));
  return { bytes: chosen, starts: ends };
}
