import { UserError } from './errors.js';

const units: Readonly<Record<string, number>> = { kbit: 1e3, mbit: 1e6, gbit: 1e9, tbit: 1e12 };

/**
 * Bytes a second of `25Gbit`, `100 Mbit/s`: kbit, Mbit, Gbit, Tbit in any case. Throws a UserError, which calls the value
 * `name`, for anything else.
 */
export function parseBitRate(text: string, name: string): number {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]bit)(?:\/s)?\s*$/i.exec(text) ?? [];
  const bits = Number(number) * units[unit?.toLowerCase() ?? '']!;
  if (bits > 0) return bits / 8;
  throw new UserError(`${name}: must be the speed of a link such as 25Gbit or 100Mbit, not "${text}"`);
}
