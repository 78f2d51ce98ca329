import { kernel, type Kernel, type KernelContext, type KernelTable } from './kernel.js';

/** Complex numbers and Fourier transforms over the last axis. */
export function complexKernels({ op, input, output }: KernelContext): KernelTable {
  const complex = op('aten::complex');
  const clone = op('aten::clone');
  const abs = op('aten::abs');

  const part = (name: string): Kernel => {
    const view = op(name);
    return kernel<'input'>(({ input: x }) => output(clone(view(input(x))), 'float32', x.shape));
  };
  const transform = (name: string): Kernel => {
    const compute = op(name);
    return kernel<'input'>(({ input: x }) => output(compute(input(x)), 'complex64', x.shape));
  };

  return {
    Complex: kernel<'real' | 'imag'>(({ real, imag }) =>
      output(complex(input(real), input(imag)), 'complex64'),
    ),
    ComplexAbs: kernel<'x'>(({ x }) => output(abs(input(x)), 'float32', x.shape)),
    Real: part('aten::real'),
    Imag: part('aten::imag'),
    FFT: transform('aten::fft_fft'),
    IFFT: transform('aten::fft_ifft'),
  };
}
