#!/usr/bin/env bash
# What depends on libtorch, on another than the clone's own: npm run test:libtorch [-- --asan]
# On the one that LIBTORCH names, else on that of .venv-test, which is the newest. The bridge is built in
# native/build/newest; native/build stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LIBTORCH=${LIBTORCH:-$(bash scripts/test-python.sh)}
export LIBTORCH LOCALLEARN_BRIDGE=native/build/newest

node scripts/build-native.mjs
# All golden files, not a sample of them.
CI=true npx vitest run test/local/golden.test.ts test/engine/fused test/engine/torch/gradients.test.ts \
  test/engine/torch/kernels.test.ts
npm run -s test:tfjs
# AddressSanitizer needs a second build, about 200 seconds of processor time: where it is asked for.
if [ "${1:-}" = --asan ]; then npm run -s test:asan; else npm run -s test:asan -- --plain; fi
