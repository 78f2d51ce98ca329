import { z } from 'zod';
import { weights } from './weights.js';

/** InfoPro's auxiliary nets, as its code and those built on it call their settings. */
export const auxiliarySettings = {
  aux_net_config: z.string().exactOptional(),
  aux_net_widen: z.number().exactOptional(),
  aux_net_feature_dim: z.int().exactOptional(),
  local_loss_mode: z.enum(['cross_entropy', 'contrast']).exactOptional(),
};

/** Its loss with them. */
export const twoTermSettings = { ...weights, ...auxiliarySettings };

/** `balanced_memory` chooses the cut points that balance memory. */
export const balancedSetting = { balanced_memory: z.boolean().exactOptional() };

/** Our options for them. */
export function twoTermOptions(
  settings: z.output<z.ZodObject<typeof twoTermSettings>>,
  /** Of a file that names none. */
  defaultAuxiliary: string,
) {
  const {
    aux_net_config: auxiliary = defaultAuxiliary,
    aux_net_widen: widen,
    aux_net_feature_dim: width,
  } = settings;
  return {
    auxiliary,
    loss: settings.local_loss_mode === 'contrast' ? ('contrast' as const) : ('cross-entropy' as const),
    reconstruction: [settings.ixx_1, settings.ixx_2] as const,
    classification: [settings.ixy_1, settings.ixy_2] as const,
    ...(widen === undefined ? {} : { widen, decoderWidth: Math.floor(12 * widen) }),
    ...(width === undefined ? {} : { featureWidth: width }),
  };
}

export const balancedOptions = ({ balanced_memory: balanced }: { readonly balanced_memory?: boolean }) =>
  balanced ? { cuts: 'memory-balanced' as const } : {};
