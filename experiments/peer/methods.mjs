const fading = { ixx_1: 5, ixx_2: 0, ixy_1: 0.5, ixy_2: 0, aux_net_config: '2c2f' };

/**
 * Each method on a CIFAR ResNet cut into K blocks, as both sides name its options; `depth` is AugLocal's d.
 * @param {{ blocks: number, depth: number }} sizes
 */
export const methodsOf = ({ blocks, depth }) => ({
  bp: { ours: {}, peer: {} },
  greedy: { ours: { blocks }, peer: {} },
  dgl: { ours: { blocks }, peer: {} },
  predsim: { ours: { blocks }, peer: { ixx_1: 0.99, ixx_2: 0.99, ixy_1: 0.01, ixy_2: 0.01 } },
  infopro: { ours: { blocks }, peer: { ixx_1: 5, ixx_2: 0.2, ixy_1: 0.05, ixy_2: 0.5 } },
  auglocal: { ours: { blocks, depth }, peer: { pyramid: true, pyramid_coeff: 0.5 } },
  man: { ours: { blocks, ramp: 'stages' }, peer: { ...fading, momentum: 0.995 } },
  hpff: { ours: { blocks }, peer: fading },
});
