import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Libtorch {
  readonly source: string;
  readonly version: string;
  readonly standard: number;
  readonly includes: readonly string[];
  readonly lib: string;
  readonly runtime: readonly string[];
  readonly cuda: boolean;
  readonly distributed: readonly string[];
  readonly cxx11Abi: 0 | 1 | null;
  readonly notices: readonly string[];
}
type FindLibtorch = (options: {
  environment: NodeJS.ProcessEnv;
  root: string;
  checkout: string;
  platform: string;
}) => { found: Libtorch[]; tried: string[] };
const script = new URL('../../scripts/find-libtorch.mjs', import.meta.url);
const { findLibtorch } = (await import(script.href)) as { findLibtorch: FindLibtorch };

const c10d = 'torch/csrc/distributed/c10d';

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
    for (const name of ['ProcessGroupGloo', 'TCPStore']) write(`${prefix}/include/${c10d}/${name}.hpp`);
    write(`${lib}/libtorch_cpu.so`);
  };
  const find = (environment: NodeJS.ProcessEnv = {}) =>
    findLibtorch({
      // A PATH of our own: the machine's Python must not answer.
      environment: { PATH: join(folder, 'bin'), ...environment },
      root: join(folder, 'root'),
      checkout: join(folder, 'checkout'),
      platform: 'linux',
    });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'find-libtorch-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** A Python whose packages are in the folder `site`. */
  const writePython = (python: string, site: string) =>
    write(
      python,
      `#!/bin/sh\necho '{"torch": ["${folder}/${site}/torch"], "nvidia": ["${folder}/${site}/nvidia"]}'\n`,
    );
  const writeCudaLibraries = (lib: string) => {
    write(`${lib}/libtorch_cuda.so`);
    write(`${lib}/libc10_cuda.so`);
  };

  it('says what was tried where there is none', () => {
    expect(find()).toEqual({
      found: [],
      tried: [
        'LIBTORCH: not set',
        'torch of python3: no such Python',
        `torch of ${folder}/root/usr/bin/python3: no such Python`,
        `torch of ${folder}/checkout/.venv/bin/python3: no such Python`,
        `libtorch-dev: no ${folder}/root/usr/include/ATen/ATen.h`,
      ],
    });
  });

  it("takes Debian's, with the libraries of any architecture", () => {
    writeLibtorch('root/usr', 'root/usr/lib/aarch64-linux-gnu');
    const { found, tried } = find();
    expect(found).toMatchObject([
      {
        version: '2.7.1',
        lib: join(folder, 'root/usr/lib/aarch64-linux-gnu'),
        cuda: false,
        cxx11Abi: null,
        runtime: [],
      },
    ]);
    expect(tried).toHaveLength(4);
  });

  it("takes the torch of the PATH's Python, the system's, the checkout's, and Debian's, in this order, each once", () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    for (const site of ['first', 'third']) writeLibtorch(`${site}/torch`);
    writePython('bin/python3', 'first');
    writePython('root/usr/bin/python3', 'first');
    writePython('checkout/.venv/bin/python3', 'third');
    expect(find().found.map(({ lib }) => lib)).toEqual([
      join(folder, 'first/torch/lib'),
      join(folder, 'third/torch/lib'),
      join(folder, 'root/usr/lib/x86_64-linux-gnu'),
    ]);
  });

  it("takes Debian's own Python package, which links to libtorch-dev, for libtorch-dev", () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    write('root/usr/lib/python3/dist-packages/torch/include/ATen/ATen.h');
    mkdirSync(join(folder, 'root/usr/lib/python3/dist-packages/torch/lib'));
    symlinkSync(
      '../../../../x86_64-linux-gnu/libtorch_cpu.so',
      join(folder, 'root/usr/lib/python3/dist-packages/torch/lib/libtorch_cpu.so'),
    );
    writePython('root/usr/bin/python3', 'root/usr/lib/python3/dist-packages');
    expect(find().found.map(({ source }) => source)).toEqual([
      `libtorch-dev in ${folder}/root/usr/lib/x86_64-linux-gnu`,
    ]);
  });

  it('takes the ABI from what a torch says of itself, and the standard from its headers', () => {
    writeLibtorch('site/torch');
    writePython('bin/python3', 'site');
    expect(find().found).toMatchObject([{ cxx11Abi: null, standard: 17 }]);
    write('site/torch/share/cmake/Torch/TorchConfig.cmake', 'set(FLAGS "-D_GLIBCXX_USE_CXX11_ABI=0")\n');
    for (const [date, standard] of [
      ['201402', 17],
      ['201703', 17],
      ['202002', 20],
    ] as const) {
      write(
        'site/torch/include/ATen/ATen.h',
        `#if !defined(_MSC_VER) && __cplusplus < ${date}L\n#error\n#endif\n`,
      );
      expect(find().found).toMatchObject([{ cxx11Abi: 0, standard }]);
    }
  });

  it('builds CUDA in where all its headers are there, in one wheel or in several', () => {
    writeLibtorch('site/torch');
    writePython('bin/python3', 'site');
    writeCudaLibraries('site/torch/lib');
    write('site/nvidia/cu13/include/cuda_runtime_api.h');
    write('site/nvidia/cu13/include/cuda_runtime.h');
    write('site/nvidia/cu13/lib/libcudart.so.13');
    const [without] = find().found;
    expect(without).toMatchObject({ cuda: false, runtime: [join(folder, 'site/nvidia/cu13/lib')] });
    expect(without?.notices).toEqual([
      expect.stringMatching(/it has CUDA, but crt\/host_config\.h was not found .*: building for the CPU$/),
    ]);

    write('site/nvidia/cuda_crt/include/crt/host_config.h');
    const [complete] = find().found;
    expect(complete).toMatchObject({ cuda: true, notices: [] });
    for (const wheel of ['cu13', 'cuda_crt']) {
      expect(complete?.includes).toContain(join(folder, `site/nvidia/${wheel}/include`));
    }
  });

  it('builds torch.distributed in where its headers are there, with NCCL where nccl.h is beside them', () => {
    writeLibtorch('site/torch');
    writePython('bin/python3', 'site');
    expect(find().found).toMatchObject([{ distributed: ['gloo'], notices: [] }]);

    writeCudaLibraries('site/torch/lib');
    for (const header of ['cuda_runtime_api.h', 'cuda_runtime.h', 'crt/host_config.h'])
      write(`site/nvidia/cu13/include/${header}`);
    write(`site/torch/include/${c10d}/ProcessGroupNCCL.hpp`);
    const [without] = find().found;
    expect(without).toMatchObject({ cuda: true, distributed: ['gloo'] });
    expect(without?.notices).toEqual([
      expect.stringMatching(/: nccl\.h was not found \(set NCCL_HOME\): building without NCCL$/),
    ]);
    write('site/nvidia/nccl/include/nccl.h');
    const [complete] = find().found;
    expect(complete).toMatchObject({ distributed: ['gloo', 'nccl'], notices: [] });
    expect(complete?.includes).toContain(join(folder, 'site/nvidia/nccl/include'));

    rmSync(join(folder, `site/torch/include/${c10d}/TCPStore.hpp`));
    const [none] = find().found;
    expect(none).toMatchObject({ distributed: [] });
    expect(none?.notices).toEqual([
      expect.stringMatching(/: it has no torch\.distributed: building without$/),
    ]);
  });

  it("goes on to Debian's where Python has no torch, and says why", () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    write('bin/python3', '#!/bin/sh\necho "SyntaxError: too old" >&2\nexit 1\n');
    write('root/usr/bin/python3', `#!/bin/sh\necho '{"torch": [], "nvidia": []}'\n`);
    const { found, tried } = find();
    expect(found.map(({ source }) => source)).toEqual([expect.stringContaining('libtorch-dev')]);
    expect(tried.slice(1, 3)).toEqual([
      'torch of python3: SyntaxError: too old',
      `torch of ${folder}/root/usr/bin/python3: none`,
    ]);
  });

  it('takes only the folder in LIBTORCH where it is set', () => {
    writeLibtorch('root/usr', 'root/usr/lib/x86_64-linux-gnu');
    writeLibtorch('mine');
    write('mine/share/cmake/Torch/TorchConfig.cmake', 'set(FLAGS "-D_GLIBCXX_USE_CXX11_ABI=1")\n');
    const mine = join(folder, 'mine');
    expect(find({ LIBTORCH: mine }).found).toMatchObject([{ source: `LIBTORCH=${mine}`, cxx11Abi: 1 }]);

    expect(find({ LIBTORCH: join(folder, 'nowhere') })).toEqual({
      found: [],
      tried: [`LIBTORCH=${folder}/nowhere: no ${folder}/nowhere/include/ATen/ATen.h`],
    });
  });
});
