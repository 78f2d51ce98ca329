import type { NetworkOptionsInput } from '../../src/networks/options.js';

export interface Case {
  readonly network: NetworkOptionsInput;
  readonly gain: number;
  readonly size: number;
  readonly batch: number;
}

export const seed: number;
export const classes: number;
export const cases: Readonly<Record<string, Case>>;
export function imageValues(each: Case): Float32Array;
export function isChanged(name: string, shape: readonly number[]): boolean;
export function changedValues(each: Case, name: string, values: Float32Array): Float32Array;
export function labelsOf(each: Case): number[];
