import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Libtorch {
  readonly source: string;
  readonly version: string;
  readonly includes: readonly string[];
  readonly lib: string;
  readonly cuda: boolean;
  readonly cxx11Abi: 0 | 1 | null;
  readonly notices: readonly string[];
}
type FindLibtorch = (options: { environment: NodeJS.ProcessEnv; root: string; platform?: string }) => {
  found: Libtorch | null;
  tried: string[];
};
const script = new URL('../../scripts/find-libtorch.mjs', import.meta.url);
const { findLibtorch } = (await import(script.href)) as { findLibtorch: FindLibtorch };

describe('finding libtorch', () => {
  let folder = '';
  const write = (path: string, text = '') => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o755 });
  };
  const writeLibtorch = (prefix: string, lib = `${prefix}/lib`) => {
    write(`${prefix}/include/ATen/ATen.h`);
    write(
      `${prefix}/include/torch/csrc/api/include/torch/version.h`,
      '#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 7\n#define TORCH_VERSION_PATCH 1\n',
    );
    write(`${lib}/libtorch_cpu.so`);
  };
  const find = (environment: NodeJS.ProcessEnv = {}) =>
    findLibtorch({
      // A PATH of our own: the machine's Python must not answer.
      environment: { PATH: join(folder, 'bin'), ...environment },
      root: join(folder, 'root'),
      platform: 'linux',
    });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'find-libtorch-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('says what was tried where there is none', () => {
    const { found, tried } = find();
    expect(found).toBeNull();
    expect(tried).toEqual([
      'LIBTORCH: not set',
      "Python's torch: no python3",
      `libtorch-dev: no ${folder}/root/usr/include/ATen/ATen.h`,
    ]);
  });

  it("takes Debian's, with the libraries of any architecture", () => {
    writeLibtorch('root/usr', 'root/usr/lib/aarch64-linux-gnu');
    const { found, tried } = find();
    expect(found).toMatchObject({
      version: '2.7.1',
      lib: join(folder, 'root/usr/lib/aarch64-linux-gnu'),
      cuda: false,
      cxx11Abi: null,
    });
    expect(tried).toHaveLength(2);
  });

  it("prefers Python's torch to Debian's, with the ABI and the CUDA headers that came with it", () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    writeLibtorch('site/torch');
    write('bin/python3', `#!/bin/sh\necho '{"folder": "${folder}/site/torch", "abi": 0}'\n`);
    expect(find().found).toMatchObject({ lib: join(folder, 'site/torch/lib'), cxx11Abi: 0, cuda: false });

    write('site/torch/lib/libtorch_cuda.so');
    write('site/torch/lib/libc10_cuda.so');
    write('site/nvidia/cuda_runtime/include/cuda_runtime_api.h');
    const { found } = find();
    expect(found?.cuda).toBe(true);
    expect(found?.includes).toContain(join(folder, 'site/nvidia/cuda_runtime/include'));
  });

  it("goes on to Debian's where Python has no torch, and says why", () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    write('bin/python3', '#!/bin/sh\necho "ModuleNotFoundError: No module named \'torch\'" >&2\nexit 1\n');
    const { found, tried } = find();
    expect(found?.source).toContain('libtorch-dev');
    expect(tried[1]).toBe("Python's torch: ModuleNotFoundError: No module named 'torch'");
  });

  it('prefers the folder in LIBTORCH, and stops there when it is wrong', () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    writeLibtorch('mine');
    write('mine/share/cmake/Torch/TorchConfig.cmake', 'set(FLAGS "-D_GLIBCXX_USE_CXX11_ABI=1")\n');
    const mine = join(folder, 'mine');
    expect(find({ LIBTORCH: mine }).found).toMatchObject({ source: `LIBTORCH=${mine}`, cxx11Abi: 1 });

    const { found, tried } = find({ LIBTORCH: join(folder, 'nowhere') });
    expect(found).toBeNull();
    expect(tried).toEqual([`LIBTORCH=${folder}/nowhere: no ${folder}/nowhere/include/ATen/ATen.h`]);
  });
});
