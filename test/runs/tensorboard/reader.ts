import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { crc32c } from '../../../src/formats/tfrecord.js';

/** What of TensorBoard's event.proto and summary.proto is read here. */
const schema = `
  syntax = "proto3";
  message SessionLog { int32 status = 1; }
  message Summary {
    message Value { string tag = 1; oneof value { float simple_value = 2; } }
    repeated Value value = 1;
  }
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what { string file_version = 3; Summary summary = 5; SessionLog session_log = 7; }
  }`;
const eventType = protobuf.parse(schema, { keepCase: true }).root.lookupType('Event');

export interface ReadEvent {
  readonly wall_time: number;
  readonly step?: number;
  readonly file_version?: string;
  readonly summary?: { readonly value: readonly { readonly tag: string; readonly simple_value: number }[] };
  readonly session_log?: { readonly status: number };
}

/** Every whole event of a file; a record cut off at the end is left out, as TensorBoard does. Throws for a wrong checksum. */
export function readEvents(path: string): ReadEvent[] {
  const bytes = readFileSync(path);
  const events: ReadEvent[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const end = at + 12 + length + 4;
    check(bytes.subarray(at, at + 8), bytes.readUInt32LE(at + 8));
    if (end > bytes.length) break;
    const data = bytes.subarray(at + 12, end - 4);
    check(data, bytes.readUInt32LE(end - 4));
    events.push(eventType.toObject(eventType.decode(data), { longs: Number }) as ReadEvent);
    at = end;
  }
  return events;
}

function check(data: Uint8Array, mask: number): void {
  const rotated = (mask - 0xa282ead8) >>> 0;
  const crc = ((rotated << 15) | (rotated >>> 17)) >>> 0;
  if (crc !== crc32c(data)) throw new Error('wrong checksum');
}

/**
 * The points of a folder by tag, as TensorBoard keeps them: files in the order of their names; a session's start at a
 * step drops the points from that step on.
 */
export function readPoints(paths: readonly string[]): Map<string, [step: number, value: number][]> {
  const points = new Map<string, [number, number][]>();
  for (const { step = 0, summary, session_log } of [...paths].sort().flatMap(readEvents)) {
    if (session_log?.status === 1) {
      for (const [tag, kept] of points)
        points.set(
          tag,
          kept.filter(([at]) => at < step),
        );
    }
    for (const { tag, simple_value } of summary?.value ?? []) {
      points.set(tag, [...(points.get(tag) ?? []), [step, simple_value]]);
    }
  }
  return points;
}
