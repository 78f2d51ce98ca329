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
