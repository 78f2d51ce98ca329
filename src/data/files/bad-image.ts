/** The message says what is wrong with an image file, as a part of a sentence. */
export class BadImageError extends Error {
  override readonly name = 'BadImageError';
}
