import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LoggedRun, LoggerKind } from '../../src/config/run-logger.js';
import { openLoggers } from '../../src/runs/loggers.js';
import { WriteFailure } from '../../src/runs/write-failure.js';
import type { EpochMetrics } from '../../src/train/events.js';

const run: LoggedRun = { folder: '/runs/a', label: 'man', seed: 1, config: {}, finished: [] };
const epoch = (number: number) => ({ epoch: number }) as EpochMetrics;
const finished = { status: 'finished' } as const;

function logged(kinds: readonly LoggerKind[]) {
  const notes: string[] = [];
  return { notes, loggers: openLoggers(kinds, run, (message) => notes.push(message)) };
}

test('calls come in order, each after the promise of the one before, and the end waits for all', async () => {
  const told: string[] = [];
  const slow: LoggerKind = {
    name: 'slow',
    async start({ label }) {
      await setTimeout(20);
      told.push(`start ${label}`);
      return {
        async epoch({ epoch: number }) {
          await setTimeout(10 - number);
          told.push(`epoch ${number}`);
        },
        async end({ status }) {
          await setTimeout(1);
          told.push(status);
        },
      };
    },
  };
  const { loggers, notes } = logged([slow]);
  loggers.epoch(epoch(1));
  loggers.epoch(epoch(2));
  expect(told).toEqual([]);
  await loggers.end(finished);
  expect(told).toEqual(['start man', 'epoch 1', 'epoch 2', 'finished']);
  expect(notes).toEqual([]);
});

test('one without promises has done its work when the call returns', () => {
  const told: number[] = [];
  const { loggers } = logged([
    {
      name: 'quick',
      start: () => ({ epoch: ({ epoch: number }) => void told.push(number), end: () => {} }),
    },
  ]);
  loggers.epoch(epoch(1));
  expect(told).toEqual([1]);
});

test.each<[string, LoggerKind['start']]>([
  ['rejects at the start', () => Promise.reject(new Error('no server'))],
  [
    'throws at the start',
    () => {
      throw new Error('no server');
    },
  ],
  [
    'rejects in an epoch',
    () => ({ epoch: () => Promise.reject(new Error('no server')), end: () => expect.unreachable() }),
  ],
])('one that %s is told to the user once, and the others go on', async (_, start) => {
  const told: number[] = [];
  const other: LoggerKind = {
    name: 'other',
    start: () => ({
      epoch: ({ epoch: number }) => void told.push(number),
      end: () => void told.push(NaN),
    }),
  };
  const { loggers, notes } = logged([{ name: 'web', start }, other]);
  loggers.epoch(epoch(1));
  loggers.epoch(epoch(2));
  await loggers.end(finished);
  expect(notes).toEqual(['logger web: no server; it logs no more of this run']);
  expect(told).toEqual([1, 2, NaN]);
});

test('one that cannot write into the run’s folder ends the run, as anything does that cannot', () => {
  const full = new WriteFailure('/runs/a/events: the disk is full');
  const epochs = (): void => {
    throw full;
  };
  const { loggers, notes } = logged([
    { name: 'tensorboard', start: () => ({ epoch: epochs, end: () => {} }) },
  ]);
  expect(() => loggers.epoch(epoch(1))).toThrow(full);
  expect(notes).toEqual([]);
});
