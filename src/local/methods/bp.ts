import { z } from 'zod';
import { cutIntoBlocks } from '../block.js';
import { defineMethod } from '../method.js';
import { headUpdate } from '../axes/path/independent.js';
import { assembleStrategy } from '../strategy.js';

/** End-to-end backpropagation: one block, one update. */
export const bp = defineMethod({
  name: 'bp',
  options: z.strictObject({}),
  build(network) {
    const blocks = cutIntoBlocks(network, []);
    return assembleStrategy(network, 'bp', blocks, {
      updates: [headUpdate(network, blocks[0]!)],
      auxiliary: [],
    });
  },
});
