import tf = require('@tensorflow/tfjs');
import { makeAbsent } from '../../nn/absent.js';
import { receiveMessage, sendMessage } from '../messages.js';
import type { ProcessGroup } from '../process-group.js';
import { tags } from './link.js';
import type { Part } from './part.js';

/** How values that a rank's updates follow come from the next rank. */
export interface Following {
  /** Puts the values after the next rank's step before this one in place. */
  arrive(): Promise<void>;
  /** Frees them, and asks for the next. */
  leave(): void;
  /** Takes what comes after the last step of a pass: nobody reads it. */
  end(): Promise<void>;
}

/** The values that a part's updates follow, in a pass that begins. */
export function follow(group: ProcessGroup, { follows }: Part): Following | undefined {
  if (follows.length === 0) return undefined;
  const receive = (): ReturnType<typeof receiveMessage> => {
    const coming = receiveMessage(group, group.rank + 1, tags.followed);
    // It is awaited when it is needed.
    coming.catch(() => {});
    return coming;
  };
  let coming = receive();
  return {
    async arrive() {
      const values = Object.values((await coming).tensors);
      follows.forEach((variable, i) => variable.assign(values[i]!));
      tf.dispose(values);
    },
    leave() {
      follows.forEach(makeAbsent);
      coming = receive();
    },
    async end() {
      tf.dispose(Object.values((await coming).tensors));
    },
  };
}

/** Sends the rank before copies of what it follows, as it is now. */
export function leadOn(group: ProcessGroup, { followed }: Part): Promise<number> {
  if (followed.length === 0) return Promise.resolve(0);
  // Times 1, which changes no bit: a clone would share the memory that the optimiser writes to.
  const copy = (variable: tf.Tensor): tf.Tensor => tf.tidy(() => tf.keep(tf.mul(variable, 1)));
  const tensors: Record<string, tf.Tensor> = {};
  followed.forEach((variable, i) => (tensors[i] = copy(variable)));
  return sendMessage(group, group.rank - 1, tags.followed, { meta: {}, tensors });
}
