/** How images are stored as one plane a channel. */
export interface PlaneLayout {
  /** `[height, width, channels]` */
  readonly shape: readonly [number, number, number];
  /** Whether the planes are stored column by column (MATLAB's order), else row by row. */
  readonly columns: boolean;
}

/** Writes one image of planes at `from` as pixels, `[height, width, channels]`, to `to` of another array. */
export function planesToPixels(
  { shape: [height, width, channels], columns }: PlaneLayout,
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
): void {
  const [lines, lineStep] = columns ? [width, channels] : [height, width * channels];
  const [length, step] = columns ? [height, width * channels] : [width, channels];
  let s = from;
  for (let channel = 0; channel < channels; channel++) {
    for (let line = 0; line < lines; line++) {
      let t = to + channel + line * lineStep;
      for (let i = 0; i < length; i++, t += step) target[t] = source[s++]!;
    }
  }
}

/** Turns all images of an array from planes to pixels where they are, so that they are never held twice. */
export function planesToPixelsInPlace(layout: PlaneLayout, images: Uint8Array): void {
  const image = new Uint8Array(layout.shape[0] * layout.shape[1] * layout.shape[2]);
  for (let at = 0; at < images.length; at += image.length) {
    image.set(images.subarray(at, at + image.length));
    planesToPixels(layout, image, 0, images, at);
  }
}
