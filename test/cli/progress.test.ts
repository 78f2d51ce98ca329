import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { trackProgress } from '../../src/cli/progress-state.js';
import type { ProgressStream } from '../../src/cli/display.js';
import { barLine, progressObserver } from '../../src/cli/progress.js';
import { followRuns } from '../../src/cli/run-progress.js';
import type { ObservedRun } from '../../src/runs/observer.js';
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
const epochEnd: TrainEvent = {
  ...{ type: 'epoch-end', metrics: epochMetrics(1), evaluatedOn: 'test' },
  byClass: { images: [], correct: [] },
};
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
    expect(at(116, epochEnd)).toMatchObject({
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

const run: ObservedRun = {
  ...{ label: 'auglocal', seed: 2, epochs: 1 },
  ...{ evaluationSteps: 2, evaluatedOn: 'test' },
};

/** The lines that a terminal shows after all that, which moves to the beginning of a line and clears it. */
function screenOf(text: string): string[] {
  return text.split('\n').map((each) => each.split('\r\u001b[K').at(-1)!);
}

function play(stream: ProgressStream, quiet: boolean, env: NodeJS.ProcessEnv = {}): void {
  const observer = progressObserver(stream, quiet, env);
  observer.start(run);
  for (const event of [epochStart, stepEvent(1), evaluation(1)]) observer.event(event);
  observer.event(epochEnd);
  observer.end();
}

describe('progress', () => {
  const line =
    'auglocal, seed 2: epoch 1/1  loss 1.500  test accuracy 50.00 %  100 images/s  peak 400 MB  12.0 s\n';

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

  it('is a bar on a terminal, and a line for each epoch that stays', () => {
    const stream = memoryStream(true);
    play(Object.assign(stream, { columns: 100 }), false);
    expect(stream.text()).toContain('auglocal');
    expect(screenOf(stream.text())).toEqual([line.trimEnd(), '']);
  });

  it('leaves whatever else is written above the bar, of whoever', () => {
    const stream = Object.assign(memoryStream(true), { columns: 100 });
    const observer = progressObserver(stream, false, {});
    observer.start({ ...run, epochs: 2 });
    observer.event(epochStart);
    observer.note('a note');
    observer.event(stepEvent(1));
    stream.write('\nstopping after this step\n');
    observer.event(evaluation(1));
    observer.event(epochEnd);
    stream.write('half a line');
    const shown = screenOf(stream.text());
    expect(shown.slice(0, 3)).toEqual(['a note', '', 'stopping after this step']);
    expect(shown[3]).toMatch(/^auglocal, seed 2: epoch 1\/2 {2}loss/);
    expect(shown[4]).toBe('half a line');
    expect(shown[5]).toMatch(/^auglocal, seed 2 {2}\[/);
    observer.end();
    stream.write('after it\n');
    expect(screenOf(stream.text()).slice(5)).toEqual(['after it', '']);
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
    const place = { number: 3, of: 8 };
    const man = { ...run, label: 'man', place };
    expect(barLine({ run: man, state, secondsLeftOfAll: 630 }, 120)).toBe(
      'man, seed 2 (run 3 of 8)  [==========----------]  epoch 1/3  train 7/90  ETA 1:15  all 10:30  loss 1.235  187 img/s',
    );
    expect(barLine({ run, state, secondsLeftOfAll: 75.2 }, 120)).toBe(
      'auglocal, seed 2  [==========----------]  epoch 1/3  train 7/90  ETA 1:15  loss 1.235  187 img/s',
    );
    expect(barLine({ run, state, secondsLeftOfAll: 75.2 }, 40)).toHaveLength(39);
    expect(barLine({ run, state: undefined, secondsLeftOfAll: undefined }, 40)).toBe('auglocal, seed 2');
  });
});

it('tells how long all runs will take, by those that are over', () => {
  let now = 0;
  const follow = followRuns(() => now);
  const at = (time: number, event: TrainEvent) => {
    now = time;
    return follow.event(event).secondsLeftOfAll;
  };
  follow.start({ ...run, epochs: 2, place: { number: 1, of: 3 } });
  expect(at(0, epochStart)).toBeUndefined();
  // 3 s a step: 7 more, and 4 of evaluation at a third of that; the two runs behind it each take that and this step.
  expect(at(3, stepEvent(1))).toBe(25 + 2 * (3 + 25));
  now = 40;
  follow.end();
  follow.start({ ...run, label: 'man', epochs: 2, place: { number: 2, of: 3 } });
  at(40, epochStart);
  expect(at(43, stepEvent(1))).toBe(25 + 40);
});
