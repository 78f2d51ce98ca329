import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/core/errors.js';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import type { Decoder } from '../../../../src/local/axes/decoder/decoder.js';
import { hpffImagenetDecoder } from '../../../../src/local/axes/decoder/hpff-imagenet.js';
import { manImagenetDecoder } from '../../../../src/local/axes/decoder/man-imagenet.js';
import { disposeLayer, type Layer } from '../../../../src/nn/layer.js';
import { rootScope } from '../../../../src/nn/parameters.js';
import { startEngine } from '../../../support/engine.js';
import { filters } from '../../../support/filters.js';

beforeAll(() => startEngine());

describe('the ImageNet decoders', () => {
  const image = (height: number, width = height) => ({ height, width, channels: 3 });
  const build = (decoder: Decoder, shrink: number, size: number, channels: number): Layer =>
    decoder(rootScope(1), { height: size / shrink, width: size / shrink, channels }, image(size));

  test.each([
    [
      'man',
      manImagenetDecoder,
      14,
      1024,
      ['1×1×1024×192', '1×1×192×64', '3×3×64×32', '3×3×32×12', '3×3×12×3'],
    ],
    ['man', manImagenetDecoder, 28, 512, ['1×1×512×128', '3×3×128×32', '3×3×32×12', '3×3×12×3']],
    ['man', manImagenetDecoder, 28, 128, ['1×1×128×128', '3×3×128×32', '3×3×32×12', '3×3×12×3']],
    ['hpff', hpffImagenetDecoder, 56, 64, ['1×1×64×128', '3×3×128×16', '3×3×16×3']],
    ['hpff', hpffImagenetDecoder, 28, 512, ['1×1×512×128', '3×3×128×32', '3×3×32×16', '3×3×16×3']],
    [
      'hpff',
      hpffImagenetDecoder,
      14,
      1024,
      ['1×1×1024×128', '3×3×128×64', '3×3×64×32', '3×3×32×16', '3×3×16×3'],
    ],
  ] as const)('of %s for maps of %3$i of 224', (_name, decoder, size, channels, expected) => {
    const layer = build(decoder, 224 / size, 224, channels);
    expect(filters(layer)).toEqual(expected);
    disposeLayer(layer);
  });

  test.each([
    ['man', manImagenetDecoder],
    ['hpff', hpffImagenetDecoder],
  ] as const)('of %s rebuild images of every size from a quarter down', (_name, decoder) => {
    for (const shrink of [4, 8, 16, 32]) {
      const layer = build(decoder, shrink, 32, 8);
      const output = tf.tidy(
        () => layer.forward(tf.ones([2, 32 / shrink, 32 / shrink, 8]), trainingMode).shape,
      );
      expect(output).toEqual([2, 32, 32, 3]);
      disposeLayer(layer);
    }
    const odd = decoder(rootScope(1), { height: 5, width: 3, channels: 8 }, image(33, 21));
    expect(tf.tidy(() => odd.forward(tf.ones([2, 5, 3, 8]), trainingMode).shape)).toEqual([2, 33, 21, 3]);
    disposeLayer(odd);
    const large = (): Layer => build(decoder, 2, 32, 8);
    expect(large).toThrow(UserError);
    expect(large).toThrow(/at most a quarter of the image's size; these are 16×16 of 32×32.*decoder '2c'/);
  });
});
