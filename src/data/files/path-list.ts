/** Many paths in two shared arrays: worker threads read them without a copy, a million take no more than their letters. */
export interface PathList {
  /** UTF-8, one after another. */
  readonly bytes: Uint8Array;
  /** Where each path begins, and the end of the last: one more than there are paths. */
  readonly starts: Float64Array;
}

export function packPaths(paths: readonly string[]): PathList {
  const starts = new Float64Array(new SharedArrayBuffer(8 * (paths.length + 1)));
  for (const [i, path] of paths.entries()) starts[i + 1] = starts[i]! + Buffer.byteLength(path);
  const bytes = new Uint8Array(new SharedArrayBuffer(starts[paths.length]!));
  const text = Buffer.from(bytes.buffer);
  for (const [i, path] of paths.entries()) text.write(path, starts[i]!);
  return { bytes, starts };
}

export function pathAt({ bytes, starts }: PathList, index: number): string {
  const { buffer, byteOffset } = bytes;
  return Buffer.from(buffer, byteOffset + starts[index]!, starts[index + 1]! - starts[index]!).toString();
}
