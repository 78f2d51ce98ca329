#!/usr/bin/env bash
# What depends on libtorch, on another than the clone's own: npm run test:libtorch [-- --asan]
# On the one that LIBTORCH names, else on that of .venv-test, which is the newest and is found by the PATH. The bridge is
# built in native/build/newest; native/build stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export LOCALLEARN_BRIDGE=native/build/newest
if [ -n "${LIBTORCH:-}" ]; then
  node scripts/build-native.mjs
else
  # As for everyone whose PATH has a Python with today's PyTorch: it is found there, taken before Debian's, and compiles.
  torch=$(bash scripts/test-python.sh)
  export PATH="$PWD/.venv-test/bin:$PATH"
  node scripts/build-native.mjs
  grep -F "\"lib\": \"$torch/lib\"" "$LOCALLEARN_BRIDGE/build.json" >/dev/null ||
    { echo "the bridge was not built with $torch, though the PATH's Python has it" >&2 && exit 1; }
fi

# All golden files, not a sample of them.
CI=true npx vitest run test/local/golden.test.ts test/engine/fused test/engine/torch/kernels
npm run -s test:tfjs
# AddressSanitizer needs a second build, about 200 seconds of processor time: where it is asked for.
if [ "${1:-}" = --asan ]; then npm run -s test:asan; else npm run -s test:asan -- --plain; fi
