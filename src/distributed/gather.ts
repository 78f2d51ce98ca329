import tf = require('@tensorflow/tfjs');

/**
 * Every rank's text, by nothing but sums: each writes its own to a place of its own among zeros. So it ends as soon as
 * any sum does where a rank is gone.
 *
 * @param sum over the ranks, in place
 */
export async function gatherTexts(
  text: string,
  rank: number,
  size: number,
  sum: (tensor: tf.Tensor) => Promise<void>,
): Promise<readonly string[]> {
  const own = new TextEncoder().encode(text);
  const lengths = await summed(
    Int32Array.from({ length: size }, (_, i) => (i === rank ? own.length : 0)),
    sum,
  );
  const starts = [0];
  for (const length of lengths) starts.push(starts.at(-1)! + length);
  const bytes = new Int32Array(Math.max(1, starts.at(-1)!));
  bytes.set(own, starts[rank]);
  const all = Uint8Array.from(await summed(bytes, sum));
  return Array.from({ length: size }, (_, i) =>
    new TextDecoder().decode(all.subarray(starts[i], starts[i + 1])),
  );
}

async function summed(values: Int32Array, sum: (tensor: tf.Tensor) => Promise<void>): Promise<Int32Array> {
  const tensor = tf.keep(tf.tensor1d(values, 'int32'));
  try {
    await sum(tensor);
    return tensor.dataSync<'int32'>();
  } finally {
    tensor.dispose();
  }
}
