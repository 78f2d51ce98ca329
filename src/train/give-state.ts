import { tags } from '../distributed/blocks/link.js';
import { receiveMessage, sendMessage } from '../distributed/messages.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import { receiveTensors, sendTensors } from './blocks/gather.js';
import type { TrainState } from './state.js';

type Meta = Omit<TrainState, 'tensors'>;

/** Gives every other rank the whole state to go on from, where there is one: only this rank has to see it on disk. */
export async function giveState(group: ProcessGroup, state: TrainState | undefined): Promise<void> {
  for (let to = 0; to < group.size; to++) {
    if (to === group.rank) continue;
    if (state === undefined) await sendMessage(group, to, tags.state, { meta: null });
    else {
      const { tensors, ...meta } = state;
      await sendMessage<Meta>(group, to, tags.state, { meta });
      await sendTensors(group, to, tensors);
    }
  }
}

/** Takes what rank 0 gives with `giveState`. */
export async function takeState(group: ProcessGroup): Promise<TrainState | undefined> {
  const { meta } = await receiveMessage<Meta | null>(group, 0, tags.state);
  if (meta === null) return undefined;
  return { ...meta, tensors: (await receiveTensors(group, 0)) as TrainState['tensors'] };
}
