import tf = require('@tensorflow/tfjs');
import { detach } from '../../../engine/detached.js';
import { trainableVariables, type Layer } from '../../../nn/layer.js';
import { childScope } from '../../../nn/parameters.js';
import type { Network } from '../../../networks/network.js';
import { headLoss, nextUnit, siteAfter, siteBehindBridge, type Block } from '../../block.js';
import { classifierOf } from '../../classifier.js';
import { freeStreams, type LocalUpdate, type Streams } from '../../update.js';
import { noOptions } from '../../../core/choice.js';
import { suppliedForward } from '../context/inputs.js';
import { definePath, type PathBuilder, type PathParts } from './path.js';

/**
 * Independent blocks: each is trained by its own loss on its own output, and hands that output, detached, to the
 * next; the last by the network's head. With a context (ContSup) it also hands on what later blocks read of it and of
 * those before.
 */
export const independentPath: PathBuilder = (parts) => {
  const local = parts.blocks.slice(0, -1).map((block) => localUpdate(parts, block));
  return {
    updates: [...local.map(({ update }) => update), headUpdate(parts.network, parts.blocks.at(-1)!)],
    auxiliary: local.flatMap(({ auxiliary }) => auxiliary),
  };
};

function localUpdate(parts: PathParts, block: Block): { update: LocalUpdate; auxiliary: readonly Layer[] } {
  const { network, blocks } = parts;
  const scope = childScope(parts.scope, block.position);
  const bridge = parts.bridge?.(scope, nextUnit(blocks, block));
  const site = siteAfter(network, block, blocks.length);
  const attached = parts.loss.attach(
    scope,
    bridge === undefined ? site : siteBehindBridge(site, blocks, block),
    parts.lossParts,
  );
  const later = blocks.slice(block.position + 1);
  const trained = [...(bridge === undefined ? [] : [bridge.trained]), ...attached.layers];
  const auxiliary = bridge === undefined ? trained : [...trained, bridge.averaged];
  const update: LocalUpdate = {
    name: `block ${block.position + 1}`,
    variables: [...block.variables, ...trainableVariables(trained)],
    forward(given, batch) {
      const { output, inputs } = suppliedForward(block, later, given, batch);
      const features = bridge === undefined ? output : bridge.forward(output);
      const streams: Streams = { x: detach(output), ...inputs };
      // The loss goes back through its nets at once: by then the images, which are made again, need not be there.
      freeStreams(given, streams);
      const loss = attached.loss(features, batch);
      // Before the backward pass: what needs them has kept them.
      tf.dispose([features, output]);
      return { loss, streams };
    },
    ...(bridge === undefined ? {} : { after: () => bridge.after() }),
    ...(bridge?.follows === undefined ? {} : { follows: bridge.follows }),
    ...classifierOf(block, attached, bridge),
    apart: { block: block.position, nets: auxiliary, images: parts.loss.reconstructs },
  };
  return { update, auxiliary };
}

/** Trains the last block and the network's head together. Backpropagation is this update for the only block. */
export function headUpdate(network: Network, last: Block): LocalUpdate {
  return {
    name: 'head',
    variables: [...last.variables, ...trainableVariables([network.head])],
    forward: (given, batch) => ({
      loss: headLoss(network, suppliedForward(last, [], given, batch).output, batch),
      streams: {},
    }),
    apart: { block: last.position, nets: [], images: false },
  };
}

export const independent = definePath({
  name: 'independent',
  options: noOptions,
  build: () => independentPath,
});
