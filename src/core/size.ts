import { UserError } from './errors.js';

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** As `parseSize`; undefined for what is no size. */
export function sizeOf(text: string): number | undefined {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = unit === undefined ? undefined : units[unit.toLowerCase()];
  const bytes = Math.floor(Number(number) * (factor ?? NaN));
  return Number.isSafeInteger(bytes) && bytes >= 1 ? bytes : undefined;
}

/** What a size must be. */
export const sizeRule = 'must be a size such as 2GB, 1.5GiB or 900MB';

/**
 * Bytes of `2GB` (10⁹), `1.5 GiB` (2³⁰), `900mb`, `5e8`; kB, MB, GB, TB, KiB, MiB, GiB, TiB in any case, or none.
 * Throws a UserError, which calls the value `name`, for anything else, and for less than a byte.
 */
export function parseSize(text: string, name: string): number {
  const bytes = sizeOf(text);
  if (bytes !== undefined) return bytes;
  throw new UserError(`${name}: ${sizeRule}, not "${text}"`);
}
