type Three = readonly [number, number, number];

const times = (rows: readonly Three[], [a, b, c]: Three): Three =>
  rows.map((row) => row[0] * a + row[1] * b + row[2] * c) as unknown as Three;

const each = (values: Three, f: (value: number, i: number) => number): Three =>
  values.map(f) as unknown as Three;

// Björn Ottosson, "A perceptual color space for image processing", 2020.
const toCones: readonly Three[] = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const toLab: readonly Three[] = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];
const fromLab: readonly Three[] = [
  [1, 0.3963377774, 0.2158037573],
  [1, -0.1055613458, -0.0638541728],
  [1, -0.0894841775, -1.291485548],
];
const fromCones: readonly Three[] = [
  [4.0767416621, -3.3077115913, 0.2309699292],
  [-1.2684380046, 2.6097574011, -0.3413193965],
  [-0.0041960863, -0.7034186147, 1.707614701],
];

function oklab(hex: string): Three {
  const rgb = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Three;
  const linear = each(rgb, (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return times(toLab, each(times(toCones, linear), Math.cbrt));
}

function hexOf(lab: Three): string {
  const linear = times(
    fromCones,
    each(times(fromLab, lab), (value) => value ** 3),
  );
  const bytes = each(linear, (value) => {
    const light = value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
    return Math.round(255 * Math.min(1, Math.max(0, light)));
  });
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * A colour between two in Oklab, where equal steps look equal. Worked out here and not by the style sheet's `color-mix`,
 * as a drawing that is saved is read by programs that know plain colours alone.
 *
 * @param from `#rrggbb`, as `to`
 * @param share of `to`, 0…1
 */
export function mix(from: string, to: string, share: number): string {
  const [a, b] = [oklab(from), oklab(to)];
  return hexOf(each(a, (value, i) => value + share * (b[i]! - value)));
}
