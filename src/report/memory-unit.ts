/** Megabytes of 10⁶ bytes, as the tables have them, until those are many digits. */
export function memoryUnit(bytes: readonly number[]): { name: string; bytes: number } {
  return Math.max(...bytes) < 10e9 ? { name: 'MB', bytes: 1e6 } : { name: 'GB', bytes: 1e9 };
}
