import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { bytesOf } from '../core/bytes.js';
import { messageOf, UserError } from '../core/errors.js';
import { checkGiven, pathSchema } from '../core/given.js';
import { writeFileAtomic } from '../core/files.js';

/**
 * The safetensors format (https://github.com/huggingface/safetensors): eight bytes of little-endian header length, a
 * JSON header padded with spaces to a multiple of eight, then every tensor's values, little-endian, without gaps.
 */
const dtypes = {
  F64: Float64Array,
  I64: BigInt64Array,
  F32: Float32Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;
type Dtype = keyof typeof dtypes;

/** The values of a tensor of the types F64, I64, F32, I32 or U8. */
export type SafeTensorValues = Float64Array | BigInt64Array | Float32Array | Int32Array | Uint8Array;

/** A tensor as a safetensors file has it. */
export interface SafeTensor {
  readonly shape: readonly number[];
  /** Row-major; its type is the tensor's. */
  readonly values: SafeTensorValues;
}

/** The content of a safetensors file. */
export interface SafeTensorFile {
  /** By name. */
  readonly tensors: Map<string, SafeTensor>;
  /** Text by key: the format allows no other. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit on its header, in bytes. */
const maximumHeader = 100_000_000;
const metadataKey = '__metadata__';

const writeForms = {
  path: pathSchema,
  tensors: z.map(
    z.string(),
    z.object({
      shape: z.array(z.int().min(0)),
      values: z.custom((values) => ArrayBuffer.isView(values), 'must be a typed array'),
    }),
  ),
  metadata: z.record(z.string(), z.string()),
};

/**
 * Writes tensors by name as a safetensors file, atomically.
 *
 * @param metadata text by key, for whoever reads the file
 * @throws RangeError if a shape does not fit its values or a name is the format's own `__metadata__`
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  checkGiven('writeSafetensors', writeForms, { path, tensors, metadata });
  writeFileAtomic(path, ...encodeSafetensors(tensors, metadata));
}

/**
 * Encodes a safetensors file. Wide types come first, so that every tensor is aligned in the file.
 *
 * @returns the bytes, in parts that follow each other; the tensors' own are not copied
 * @throws RangeError as `writeSafetensors`
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const entries = [...tensors].sort(
    ([, a], [, b]) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT,
  );
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(field(metadataKey, metadata));
  let offset = 0;
  for (const [name, { shape, values }] of entries) {
    if (name === metadataKey) throw new RangeError(`a tensor cannot be called ${metadataKey}`);
    if (sizeOf(shape) !== values.length) {
      throw new RangeError(`${name}: shape [${shape.join(', ')}] does not fit ${values.length} values`);
    }
    const end = offset + values.byteLength;
    fields.push(field(name, { dtype: dtypeOf(values), shape, data_offsets: [offset, end] }));
    offset = end;
  }
  const json = Buffer.from(`{${fields.join(',')}}`);
  const header = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = entries.map(([, { values }]) => bytesOf(values));
  return [length, header, ...data];
}

/**
 * Reads a safetensors file and checks all of it.
 *
 * @throws UserError if the file can't be read, is damaged, or holds a type other than F64, F32, I64, I32, U8
 */
export function readSafetensors(path: string): SafeTensorFile {
  // From JavaScript anything may come, the bytes themselves among it: a message has no room for these.
  if (typeof path !== 'string') {
    const given = Object.prototype.toString.call(path).slice('[object '.length, -1);
    throw new UserError(`readSafetensors: the path of a file must be text, not ${given}`);
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UserError(`${path}: cannot read the weights: ${messageOf(error)}`);
  }
  return decodeSafetensors(bytes, path);
}

/** As `readSafetensors`, from bytes; `path` is for messages. */
export function decodeSafetensors(bytes: Buffer, path: string): SafeTensorFile {
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    throw new UserError(`${path}: not a valid safetensors file: ${error.message}`);
  }
}

/** What is wrong with the bytes. */
class Damage extends Error {}

function decode(bytes: Buffer): SafeTensorFile {
  if (bytes.length < 8) throw new Damage(`${bytes.length} bytes, too short for a header length`);
  const headerLength = bytes.readBigUInt64LE(0);
  if (headerLength > maximumHeader || 8n + headerLength > bytes.length) {
    throw new Damage(`a header of ${headerLength} bytes is announced, the file has ${bytes.length}`);
  }
  const dataStart = 8 + Number(headerLength);
  const header = parseHeader(bytes.subarray(8, dataStart));
  let metadata: Record<string, string> = {};
  const ranges: { name: string; begin: number; end: number }[] = [];
  const tensors = new Map<string, SafeTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === metadataKey) {
      metadata = decodeMetadata(entry);
      continue;
    }
    const { dtype, shape, begin, end } = decodeEntry(name, entry);
    if (dataStart + end > bytes.length) {
      throw new Damage(`${name} ends at byte ${dataStart + end}, the file at byte ${bytes.length}`);
    }
    ranges.push({ name, begin, end });
    // A copy, because a typed array must begin at a multiple of its element size and a file's buffer need not.
    const copy = Uint8Array.from(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape, values: new dtypes[dtype](copy.buffer) });
  }
  let expected = 0;
  for (const { name, begin, end } of ranges.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) throw new Damage(`${name} begins at data byte ${begin} instead of ${expected}`);
    expected = end;
  }
  if (dataStart + expected !== bytes.length) {
    throw new Damage(
      `the last tensor ends at byte ${dataStart + expected}, the file at byte ${bytes.length}`,
    );
  }
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    throw new Damage(`the header is not JSON in UTF-8 (${messageOf(error).slice(0, 80)})`);
  }
  if (!text.startsWith('{') || !isMap(header)) throw new Damage('the header is not a JSON map');
  const twice = repeatedKey(text);
  if (twice !== undefined) throw new Damage(`the header has ${JSON.stringify(twice)} twice`);
  return header;
}

function decodeMetadata(entry: unknown): Record<string, string> {
  if (!isMap(entry) || !Object.values(entry).every((value) => typeof value === 'string')) {
    throw new Damage(`${metadataKey} must map names to text`);
  }
  return entry as Record<string, string>;
}

function decodeEntry(
  name: string,
  entry: unknown,
): { dtype: Dtype; shape: number[]; begin: number; end: number } {
  if (!isMap(entry)) throw new Damage(`the entry of ${name} is not a map`);
  const { dtype, shape, data_offsets: offsets, ...others } = entry;
  const extra = Object.keys(others)[0];
  if (extra !== undefined)
    throw new Damage(`the entry of ${name} has an unknown key ${JSON.stringify(extra)}`);
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype)) {
    throw new Damage(
      `${name} has type ${JSON.stringify(dtype)}; known are ${Object.keys(dtypes).join(', ')}`,
    );
  }
  if (!isIntegers(shape)) throw new Damage(`the shape of ${name} is not a list of sizes`);
  if (!isIntegers(offsets) || offsets.length !== 2) {
    throw new Damage(`the data_offsets of ${name} are not two positions`);
  }
  const [begin, end] = offsets as [number, number];
  const needed = sizeOf(shape) * dtypes[dtype as Dtype].BYTES_PER_ELEMENT;
  if (end - begin !== needed) {
    const bytes = `${dtype}[${shape.join(', ')}] takes ${needed} bytes`;
    throw new Damage(`${name}: ${bytes}, the data from ${begin} to ${end} is ${end - begin}`);
  }
  return { dtype: dtype as Dtype, shape, begin, end };
}

/** A key that stands twice in the same map of valid JSON text, which JSON.parse lets pass. */
function repeatedKey(json: string): string | undefined {
  const seen: Set<string>[] = [];
  // Strings (with what follows, to know keys from values) and brackets; the rest does not matter.
  for (const [token, string, colon] of json.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")\s*(:?)|[{}]/g)) {
    if (token === '{') seen.push(new Set());
    else if (token === '}') seen.pop();
    else if (string !== undefined && colon === ':') {
      const key = JSON.parse(string) as string;
      const keys = seen.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function field(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function dtypeOf(values: SafeTensorValues): Dtype {
  const found = Object.entries(dtypes).find(([, type]) => values instanceof type);
  if (!found) throw new RangeError(`no safetensors type for ${values.constructor.name}`);
  return found[0] as Dtype;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
