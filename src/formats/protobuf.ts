/**
 * Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding), as much of it as writing takes: a
 * message is its fields one after another, each a tag and a value. Field numbers come from the messages' published
 * definitions. Large values are kept as they are and never copied.
 */

/** Bytes, in parts that follow each other. */
export interface Encoded {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/** Below it, copying is cheaper than another part. */
const mergedBytes = 4096;

const [varintType, fixed64Type, delimitedType, fixed32Type] = [0, 1, 2, 5];

/** `int32`, `int64`, `uint32`, `uint64`, `bool` or an enum. Negative numbers take ten bytes. */
export function integerField(field: number, value: number | bigint): Encoded {
  return join([tag(field, varintType), varint(value)]);
}

export function doubleField(field: number, value: number): Encoded {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return join([tag(field, fixed64Type), bytes]);
}

export function floatField(field: number, value: number): Encoded {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return join([tag(field, fixed32Type), bytes]);
}

export function textField(field: number, value: string): Encoded {
  return bytesField(field, Buffer.from(value));
}

export function bytesField(field: number, value: Uint8Array): Encoded {
  return join([tag(field, delimitedType), varint(value.length), value]);
}

/** A message within a message. */
export function messageField(field: number, fields: readonly Encoded[]): Encoded {
  const body = message(fields);
  return join([tag(field, delimitedType), varint(body.length), ...body.parts]);
}

/** A whole message. */
export function message(fields: readonly Encoded[]): Encoded {
  return join(fields.flatMap(({ parts }) => parts));
}

/** The bytes in one piece. */
export function toBytes({ parts }: Encoded): Buffer {
  return Buffer.concat(parts);
}

/** Runs of small parts become one part each. */
function join(parts: readonly Uint8Array[]): Encoded {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = (): void => {
    if (small.length > 0) joined.push(small.length === 1 ? small[0]! : Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length < mergedBytes) small.push(part);
    else {
      flush();
      joined.push(part);
    }
  }
  flush();
  return { parts: joined, length: parts.reduce((sum, part) => sum + part.length, 0) };
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType);
}

function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
