import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/** The built command line. */
export const program = join(import.meta.dirname, '../../dist/cli/main.js');

/** What a run of the command line ended with. */
export interface Outcome {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built command line. */
export function start(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): ChildProcessWithoutNullStreams {
  // One thread each: tests run beside one another, and threads that wait for a taken core cost both their time.
  const env = { ...process.env, OMP_NUM_THREADS: '1', ...environment };
  return spawn(process.execPath, [program, ...args], { env });
}

/** Waits for the end. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

export function run(args: readonly string[]): Promise<Outcome> {
  return ended(start(args));
}

/**
 * Fashion-MNIST's four files with pictures of our own in a new folder: each class has a bright bar at a height of its
 * own, so that a network learns it in a few steps.
 */
export function writeFashionMnist(dir: string): void {
  mkdirSync(dir);
  for (const [prefix, count] of [
    ['train', 60_000],
    ['t10k', 10_000],
  ] as const) {
    const images = Buffer.alloc(16 + count * 784);
    const labels = Buffer.alloc(8 + count);
    for (const [i, value] of [0x803, count, 28, 28].entries()) images.writeUInt32BE(value, 4 * i);
    for (const [i, value] of [0x801, count].entries()) labels.writeUInt32BE(value, 4 * i);
    for (let i = 0; i < count; i++) {
      const label = i % 10;
      labels[8 + i] = label;
      images.fill(200 + (i % 50), 16 + i * 784 + label * 56, 16 + i * 784 + (label + 1) * 56);
    }
    writeFileSync(join(dir, `${prefix}-images-idx3-ubyte`), images);
    writeFileSync(join(dir, `${prefix}-labels-idx1-ubyte`), labels);
  }
}

/**
 * A folder of ten classes of small images, 90 to train on and 40 to test on: each class has a colour of its own, so that a
 * network learns it in a few steps. Training takes a tenth of what it takes on Fashion-MNIST's files.
 */
export async function writePictures(dir: string): Promise<void> {
  for (const [split, count] of [
    ['train', 9],
    ['test', 4],
  ] as const) {
    for (let label = 0; label < 10; label++) {
      const own = join(dir, split, `class-${label}`);
      mkdirSync(own, { recursive: true });
      for (let i = 0; i < count; i++) {
        const background = { r: 25 * label, g: 255 - 25 * label, b: 20 * i };
        const create = { width: 8, height: 8, channels: 3, background } as const;
        await sharp({ create }).toFile(join(own, `${i}.png`));
      }
    }
  }
}

/** A config that trains on them in less than a second. */
export function pictureConfig(dataDir: string, method: string): string {
  return `
name: tiny
data: { name: folder, dir: ${JSON.stringify(dataDir)}, imageSize: 8, trainImages: 64, testImages: 32 }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 16, learningRate: 0.05, schedule: constant, workers: 0 }
${method}
`;
}

/** A config that trains in seconds. */
export function tinyConfig(dataDir: string, method: string): string {
  return `
name: tiny
data: { name: fashion-mnist, dir: ${JSON.stringify(dataDir)}, trainImages: 64, testImages: 32 }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 16, learningRate: 0.05, schedule: constant, workers: 1 }
${method}
`;
}
