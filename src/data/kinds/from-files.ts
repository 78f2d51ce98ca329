import type { Augmentation, Colour, Dataset } from '../dataset.js';
import type { FileImages } from '../files/file-images.js';
import type { SourceData } from '../kind.js';

/** Of ImageNet's training images, as torchvision's models take them. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;
/** The averages of the three channels. */
const GREY_MEAN = [0.449] as const;
const GREY_STD = [0.226] as const;

/** Szegedy et al. 2015, as usual for ImageNet. */
const RESIZED_CROP: Augmentation = {
  crop: { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
  flip: true,
};

/** A side of square images, or `[height, width]`. */
type ImageSize = number | readonly [number, number];

/** Image files as a data set: brought to one size, by default normalised and augmented as ImageNet is. */
export function fromFiles(
  name: string,
  images: FileImages,
  options: {
    readonly imageSize: ImageSize;
    readonly channels: 1 | 3;
    readonly mean?: readonly number[];
    readonly std?: readonly number[];
    readonly background?: Colour;
  },
): SourceData {
  const { imageSize, channels, background } = options;
  return {
    ...images,
    name,
    imageShape: shapeOf(imageSize, channels),
    mean: options.mean ?? (channels === 1 ? GREY_MEAN : IMAGENET_MEAN),
    std: options.std ?? (channels === 1 ? GREY_STD : IMAGENET_STD),
    augmentation: RESIZED_CROP,
    ...(background && { background }),
  };
}

export function shapeOf(imageSize: ImageSize, channels: number): Dataset['imageShape'] {
  const [height, width] = typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize;
  return [height, width, channels];
}
