import { UserError } from '../../errors.js';
import type { StrategyOptionsInput } from '../../local/options.js';
import type { GoldenFile } from './golden-file.js';

/** A published run's settings as this project's options. Throws a UserError for a method it does not know. */
export function goldenOptions({ method, K, depth, options }: GoldenFile): StrategyOptionsInput {
  const number = (key: string): number => options[key] as number;
  const lambdas = (): {
    reconstruction: readonly [number, number];
    classification: readonly [number, number];
  } => ({
    reconstruction: [number('ixx_1'), number('ixx_2')],
    classification: [number('ixy_1'), number('ixy_2')],
  });
  const head = options['aux_net_config'] as string;
  const loss = options['local_loss_mode'] === 'contrast' ? 'contrast' : 'cross-entropy';
  switch (method) {
    case 'bp':
      return { method };
    case 'auglocal':
      return {
        method,
        blocks: K,
        depth,
        pyramid: options['pyramid'] === true ? number('pyramid_coeff') : 0,
      };
    case 'man':
      return { method, blocks: K, head, loss, momentum: number('momentum'), ramp: 'stages', ...lambdas() };
    case 'hpff':
      return { method, blocks: K, head, loss, ...lambdas() };
    default:
      throw new UserError(`parity: unknown method '${method}'`);
  }
}
