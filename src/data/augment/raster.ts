/** `[height, width, channels]`. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Whole pixels of an image. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Rounded towards zero and cut to a byte, as PIL and torchvision do it on uint8 images. */
export function toByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}
