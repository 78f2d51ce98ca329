import type { Spread } from './stats.js';

/** `1 block`, `3 blocks`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** 0.8123 → `81.23 %`. */
export function formatAccuracy(accuracy: number): string {
  return `${(accuracy * 100).toFixed(2)} %`;
}

/** `78.40 %`, or `78.40 ± 0.35 %` over several seeds. */
export function formatSpread({ mean, deviation }: Spread): string {
  if (deviation === undefined) return formatAccuracy(mean);
  return `${(mean * 100).toFixed(2)} ± ${(deviation * 100).toFixed(2)} %`;
}

/** A number of any size, to four digits: `0.7312 ± 0.012`. */
export function formatNumberSpread({ mean, deviation }: Spread): string {
  const middle = String(Number(mean.toPrecision(4)));
  return deviation === undefined ? middle : `${middle} ± ${Number(deviation.toPrecision(2))}`;
}

/** In megabytes of 10⁶ bytes. */
export function formatBytes(bytes: number): string {
  const megabytes = bytes / 1e6;
  return `${megabytes < 99.95 ? megabytes.toFixed(1) : megabytes.toFixed(0)} MB`;
}

/** Images a second. */
export function formatRate(rate: number): string {
  return rate < 99.95 ? rate.toFixed(1) : rate.toFixed(0);
}

/** 3.2 → `3.2 s`; from a minute on a clock. */
export function formatSeconds(seconds: number): string {
  return seconds < 59.95 ? `${seconds.toFixed(1)} s` : formatClock(seconds);
}

/** 3.2 → `0:03`, 75 → `1:15`, 3675 → `1:01:15`. */
export function formatClock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `25.7 MB`, or `25.7 ± 0.2 MB` over several runs that differ. */
export function formatBytesSpread({ mean, deviation }: Spread): string {
  return withDeviation(mean, deviation, formatBytes);
}

/** As `formatRate`, `187 ± 3` over several runs. */
export function formatRateSpread({ mean, deviation }: Spread): string {
  return withDeviation(mean, deviation, formatRate);
}

/** As `formatSeconds`, `3.2 ± 0.1 s` over several runs. */
export function formatSecondsSpread({ mean, deviation }: Spread): string {
  return withDeviation(mean, deviation, formatSeconds);
}

/** Both numbers, and the unit of the deviation alone where it is that of the mean; nothing where it rounds to zero. */
function withDeviation(
  mean: number,
  deviation: number | undefined,
  format: (value: number) => string,
): string {
  if (deviation === undefined) return format(mean);
  const [middle, more] = [format(mean), format(deviation)];
  if (!/[1-9]/.test(more)) return middle;
  const [unit] = / [^ ]+$/.exec(more) ?? [''];
  return `${unit !== '' && middle.endsWith(unit) ? middle.slice(0, -unit.length) : middle} ± ${more}`;
}

/** Of parameters or multiply-adds: 464154 → `464 k`, 3.66e9 → `3.66 G`. */
export function formatCount(count: number): string {
  const units = ['', ' k', ' M', ' G', ' T', ' P'];
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? String(value) : value.toPrecision(3)}${units[unit]}`;
}

/** What is more or less: 0.27 → `+27 %`, −0.105 → `−10 %`; `–` where it is not known. */
export function formatOverhead(overhead: number | undefined): string {
  if (overhead === undefined) return '–';
  const percent = Math.round(100 * Math.abs(overhead));
  return `${percent === 0 ? '' : overhead < 0 ? '−' : '+'}${percent} %`;
}

/** A difference of accuracies in points: −0.011 → `−1.10`. */
export function formatPoints(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(2);
  if (Number(points) === 0) return points;
  return `${difference < 0 ? '−' : '+'}${points}`;
}

/** A text of at most so many letters, one at least before the `…` of what is left out. */
export function shortened(text: string, letters: number): string {
  const all = [...text];
  return all.length <= letters ? text : `${all.slice(0, Math.max(1, letters - 1)).join('')}…`;
}
