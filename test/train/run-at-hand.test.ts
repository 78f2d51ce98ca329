import { beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import type { TrainEvent } from '../../src/train/events.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { trainedAlone } from '../support/ranks.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

it.skipIf(!hasTorch)('tells once why steps are not captured, where they were to be', async () => {
  const told = async (changes: object): Promise<TrainEvent[]> => {
    const events: TrainEvent[] = [];
    const onEvent = (event: TrainEvent): void => void (event.type === 'not-captured' && events.push(event));
    await trainedAlone(engine, { method: 'bp' }, { ...changes, onEvent });
    return events;
  };
  expect(await told({ captureSteps: true })).toEqual([]);
  expect(await told({ mixup: 0.2 })).toEqual([]);
  const reason = 'no two steps did the same';
  expect(await told({ captureSteps: true, mixup: 0.2 })).toEqual([{ type: 'not-captured', reason }]);
});
