import { resnetKind } from './resnet-cifar.js';
import { resnetImagenetKind, resnextImagenetKind } from './resnet-imagenet.js';
import { vggKind } from './vgg.js';
import { vitKind } from './vit.js';

/** The networks that there are without plugins. */
export const builtInNetworks = [
  resnetKind,
  resnetImagenetKind,
  resnextImagenetKind,
  vggKind,
  vitKind,
] as const;
