/** The Pythons that may have torch. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ourCheckout = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The PATH's Python, the system's (another may stand before it), and that of a virtual environment in the checkout.
 * @param {{ root?: string, checkout?: string }} [options] `root` stands before the system's paths.
 */
export const pythons = ({ root = '/', checkout = ourCheckout } = {}) => [
  'python3',
  join(root, 'usr/bin/python3'),
  join(checkout, '.venv/bin/python3'),
];
