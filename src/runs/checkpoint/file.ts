import { checkGiven, pathSchema } from '../../core/given.js';
import { checkpointName, type CheckpointPosition } from '../../formats/checkpoint-names.js';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, UserError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import type { TorchTensor } from '../../nn/parameters.js';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.js';
import type { TrainState } from '../../train/state.js';
import { epochTallySchema } from '../../train/tally.js';
import { formatMetrics, parseMetrics, type MetricsColumns } from '../metrics.js';
import { check, formatPath } from '../../core/schema-problems.js';

/** What belongs to a state beside its numbers. */
export interface CheckpointOrigin {
  /** The run's config, as its `config.yaml` has it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The engine's description: the same numbers to the last bit come from the same engine and threads alone. */
  readonly engine: string;
  /** Into how many shares ranks divided every batch; no config says it. Checkpoints of earlier versions lack it. */
  readonly shares?: number;
}

/** A training state on disk, with the run that it belongs to. */
export interface Checkpoint extends CheckpointOrigin {
  readonly position: CheckpointPosition;
  readonly state: TrainState;
}

const contentSchema = z.strictObject({
  format: z.literal(1),
  config: z.record(z.string(), z.unknown()),
  engine: z.string(),
  shares: z.int().min(1).exactOptional(),
  tensors: z.strictObject({ bytes: z.int().min(0), sha256: z.string() }),
  counters: z.record(z.string(), z.int().min(0)),
  /** Of the finished epochs, as in `metrics.csv`. */
  metrics: z.string(),
  partial: epochTallySchema.exactOptional(),
});
const fileSchema = z.strictObject({ sha256: z.string(), content: contentSchema });

/** After which epoch, or where in the one that follows: for messages. */
export function positionInWords({ epochs, batches }: CheckpointPosition): string {
  return batches === 0 ? `after epoch ${epochs}` : `in epoch ${epochs + 1}, after batch ${batches}`;
}

export function positionOf({ epochs, partial }: TrainState): CheckpointPosition {
  return { epochs: epochs.length, batches: partial?.batches ?? 0 };
}

/**
 * Writes `<name>.safetensors`, then `<name>.json` with the checksums of both: until that is there, there is no
 * checkpoint.
 */
export function writeCheckpoint(
  folder: string,
  { config, engine, shares }: CheckpointOrigin,
  columns: MetricsColumns,
  state: TrainState,
): void {
  const path = join(folder, checkpointName(positionOf(state)));
  const parts = encodeSafetensors(state.tensors);
  writeFileAtomic(`${path}.safetensors`, ...parts);
  const content: z.input<typeof contentSchema> = {
    format: 1,
    config: { ...config },
    engine,
    ...(shares === undefined ? {} : { shares }),
    tensors: { bytes: parts.reduce((sum, { length }) => sum + length, 0), sha256: sha256(...parts) },
    counters: { ...state.counters },
    metrics: formatMetrics(columns, state.epochs),
    ...(state.partial === undefined ? {} : { partial: state.partial }),
  };
  // A map in a config may lack values: what is read back is what was hashed.
  const plain = JSON.stringify(content);
  const file = { sha256: sha256(plain), content: JSON.parse(plain) as unknown };
  writeFileAtomic(`${path}.json`, `${JSON.stringify(file, null, 2)}\n`);
}

const whole = z.int().min(0);
const readForms = { folder: pathSchema, position: z.object({ epochs: whole, batches: whole }) };

/**
 * Reads a checkpoint and checks all of it.
 *
 * @param folder of the checkpoints
 * @throws UserError that says what is wrong if it is not whole
 */
export function readCheckpoint(folder: string, position: CheckpointPosition): Checkpoint {
  checkGiven('readCheckpoint', readForms, { folder, position });
  const path = join(folder, checkpointName(position));
  const { content } = readContent(`${path}.json`);
  const file = `${path}.safetensors`;
  const bytes = read(file);
  if (bytes.length !== content.tensors.bytes) {
    throw new UserError(`${file}: damaged: ${bytes.length} bytes instead of ${content.tensors.bytes}`);
  }
  if (sha256(bytes) !== content.tensors.sha256) throw new UserError(`${file}: damaged: its checksum differs`);
  const tensors = new Map<string, TorchTensor>();
  for (const [name, { shape, values }] of decodeSafetensors(bytes, file).tensors) {
    if (!(values instanceof Float32Array)) throw new UserError(`${file}: ${name} is not of type F32`);
    tensors.set(name, { shape, values });
  }
  const { config, engine, shares, counters, metrics, partial } = content;
  const epochs = parseMetrics(metrics, `${path}.json`);
  const state: TrainState = { epochs, tensors, counters, ...(partial === undefined ? {} : { partial }) };
  const found = positionOf(state);
  if (found.epochs !== position.epochs || found.batches !== position.batches) {
    throw new UserError(`${path}.json: damaged: it is the checkpoint ${positionInWords(found)}`);
  }
  return { config, engine, ...(shares === undefined ? {} : { shares }), position, state };
}

function readContent(path: string): z.output<typeof fileSchema> {
  const text = read(path).toString();
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path}: damaged: ${messageOf(error)}`);
  }
  const result = check(fileSchema, document);
  if ('problems' in result) {
    const { path: place, message } = result.problems[0]!;
    throw new UserError(`${path}: damaged: ${[formatPath(place), message].filter(Boolean).join(': ')}`);
  }
  // Also where a changed byte changes no value: 1e-7 that became 1E-7, the last of more digits than a number has.
  if (text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1') !== JSON.stringify(document)) {
    throw new UserError(`${path}: damaged: it is not as it was written`);
  }
  const { content } = document as { content: unknown };
  if (sha256(JSON.stringify(content)) !== result.value.sha256) {
    throw new UserError(`${path}: damaged: its checksum differs`);
  }
  return result.value;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`${path}: cannot be read: ${messageOf(error)}`);
  }
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
