/** Mean and standard deviation of each channel's bytes; `count` a channel, if some that are zero are not to count. */
export function channelMoments(
  pixels: Uint8Array,
  channels: number,
  count = pixels.length / channels,
): { mean: number; std: number }[] {
  const histograms = new Float64Array(channels * 256);
  for (let i = 0; i < pixels.length; i += channels) {
    for (let c = 0; c < channels; c++) histograms[c * 256 + pixels[i + c]!]!++;
  }
  return Array.from({ length: channels }, (_, c) => {
    let [sum, squares] = [0, 0];
    for (let value = 0; value < 256; value++) {
      sum += value * histograms[c * 256 + value]!;
      squares += value ** 2 * histograms[c * 256 + value]!;
    }
    const mean = sum / count;
    return { mean, std: Math.sqrt(squares / count - mean ** 2) };
  });
}
