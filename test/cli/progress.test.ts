import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { trackProgress } from '../../src/cli/progress-state.js';
import type { ProgressStream } from '../../src/cli/display.js';
import { barLine, progressObserver } from '../../src/cli/progress.js';
import type { TrainEvent } from '../../src/train/events.js';
import { epochMetrics } from '../runs/helpers.js';

const epochStart: TrainEvent = { type: 'epoch-start', epoch: 1, epochs: 2, steps: 4, learningRate: 0.1 };
const stepEvent = (step: number): TrainEvent => ({
  type: 'step',
  epoch: 1,
  step,
  steps: 4,
  images: 32,
  loss: 2 / step,
});
const evaluation = (step: number): TrainEvent => ({ type: 'evaluation', epoch: 1, step, steps: 2 });

describe('the tracker', () => {
  it('tells rate, share done and time left, evaluation included', () => {
    let now = 100;
    const track = trackProgress({ epochs: 2, evaluationSteps: 2, evaluatedOn: 'test' }, () => now);
    const at = (time: number, event: TrainEvent) => {
      now = time;
      return track(event);
    };
    expect(at(100, epochStart)).toMatchObject({
      epoch: 1,
      step: 0,
      secondsLeft: undefined,
      done: 0,
      total: 12,
    });
    // 3 s a step: 7 more, and 4 of evaluation at a third of that.
    expect(at(103, stepEvent(1))).toMatchObject({
      phase: 'train',
      step: 1,
      loss: 2,
      imagesPerSecond: 32 / 3,
      secondsLeft: 7 * 3 + 4,
      done: 1,
    });
    at(106, stepEvent(2));
    at(109, stepEvent(3));
    at(112, stepEvent(4));
    // 2 s an evaluation step, measured: 4 steps of training and 3 of evaluation are left.
    expect(at(114, evaluation(1))).toMatchObject({
      phase: 'test',
      step: 1,
      steps: 2,
      secondsLeft: 4 * 3 + 3 * 2,
    });
    at(116, evaluation(2));
    expect(at(116, { type: 'epoch-end', metrics: epochMetrics(1), evaluatedOn: 'test' })).toMatchObject({
      done: 6,
      secondsLeft: 16,
    });
    expect(at(116, { ...epochStart, epoch: 2 })).toMatchObject({
      epoch: 2,
      step: 0,
      imagesPerSecond: undefined,
    });
  });
});

it('knows what is left of a run that was resumed', () => {
  let now = 0;
  const track = trackProgress({ epochs: 3, evaluationSteps: 2, evaluatedOn: 'test' }, () => now);
  track({ ...epochStart, epoch: 2 });
  now = 2;
  expect(track({ type: 'step', epoch: 2, step: 3, steps: 4, images: 32, loss: 1 })).toMatchObject({
    done: 6 + 3,
    total: 18,
    // Five steps of training, and four of evaluation at a third.
    secondsLeft: 5 * 2 + (4 * 2) / 3,
  });
});

/** A stream that keeps what is written to it. */
function memoryStream(isTTY: boolean): ProgressStream & { text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  return Object.assign(stream, { isTTY, text: () => chunks.join('') });
}

function play(stream: ProgressStream, quiet: boolean, env: NodeJS.ProcessEnv = {}): void {
  const observer = progressObserver(stream, quiet, env);
  observer.start({ label: 'auglocal', epochs: 1, evaluationSteps: 2, evaluatedOn: 'test' });
  for (const event of [epochStart, stepEvent(1), evaluation(1)]) observer.event(event);
  observer.event({ type: 'epoch-end', metrics: epochMetrics(1), evaluatedOn: 'test' });
  observer.end();
}

describe('progress', () => {
  const line = 'auglocal: epoch 1/1  loss 1.500  test accuracy 50.00 %  100 images/s  peak 400 MB  12.0 s\n';

  it('is a plain line an epoch where there is no terminal', () => {
    const stream = memoryStream(false);
    play(stream, false);
    expect(stream.text()).toBe(line);
  });

  it.each([{ TERM: 'dumb' }, { CI: 'true' }, { CI: '1' }])('is plain lines on a terminal with %j', (env) => {
    const stream = memoryStream(true);
    play(stream, false, env);
    expect(stream.text()).toBe(line);
  });

  it('is nothing if quiet', () => {
    const stream = memoryStream(true);
    play(stream, true);
    expect(stream.text()).toBe('');
  });

  it('is only the notes that are for everybody if quiet', () => {
    const stream = memoryStream(true);
    const observer = progressObserver(stream, true);
    observer.note('measuring');
    observer.note('is finished', 'always');
    expect(stream.text()).toBe('is finished\n');
  });

  it('is a bar on a terminal, and a line once the run is over', () => {
    const stream = memoryStream(true);
    const terminal = Object.assign(stream, { columns: 100, cursorTo: () => true, clearLine: () => true });
    play(terminal, false);
    expect(stream.text()).toContain('auglocal');
    expect(stream.text().endsWith(line)).toBe(true);
  });

  it('has a bar line that fits the terminal', () => {
    const state = {
      epoch: 1,
      epochs: 3,
      step: 7,
      steps: 90,
      phase: 'train' as const,
      loss: 1.23456,
      imagesPerSecond: 187.4,
      secondsLeft: 75.2,
      done: 50,
      total: 100,
    };
    expect(barLine('man', state, 120)).toBe(
      'man  [==========----------]  epoch 1/3  train 7/90  loss 1.235  187 img/s  ETA 1:15',
    );
    expect(barLine('man', state, 40)).toHaveLength(39);
    expect(barLine('man', undefined, 40)).toBe('man');
  });
});
