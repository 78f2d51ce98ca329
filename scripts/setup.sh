#!/usr/bin/env bash
# Prepares a clone: system packages for the torch engine (where this may install any), npm packages, the native
# bridge, and the compiled TypeScript. Safe to run again: what is there already stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$1"; }
note() { printf '   %s\n' "$1"; }

# Debian's libtorch multiplies matrices with whatever BLAS is the system's; the reference one is 50 times slower
# than OpenBLAS. The OpenMP build shares libtorch's threads; the other would bring a second pool of its own.
reference_blas() {
  local libraries
  libraries=$(ls /usr/lib/*-linux-gnu/libblas.so.3 2>/dev/null || true)
  [ -z "$libraries" ] || readlink -f $libraries | grep -q '/blas/libblas\.so'
}

may_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# Installs Debian packages where this may; says what it did, or what would.
install_packages() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
  if ! may_install; then
    note "SKIPPED, as this may not install packages: sudo apt-get install --no-install-recommends $*"
    return 1
  fi
  note "installing $* (with what they need, up to a gigabyte on disk)"
  if "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
    note 'done'
  else
    note "FAILED: going on without $*"
    return 1
  fi
}

has_compiler() { command -v "${CXX:-c++}" >/dev/null; }

# Debian's libtorch is installed only where no other on this machine can be used. One that the user names is a decision.
build_bridge() {
  has_compiler || [ -n "${CXX:-}" ] || install_packages g++ || true
  if node scripts/build-native.mjs; then return 0; fi
  if [ -n "${LIBTORCH:-}" ] || ! has_compiler || [ -e /usr/include/ATen/ATen.h ]; then return 1; fi
  install_packages libtorch-dev && node scripts/build-native.mjs
}

uses_debians_libtorch() {
  node -e '
    const { libtorch } = JSON.parse(require("node:fs").readFileSync("native/build/build.json", "utf8"));
    process.exit(libtorch.source.startsWith("libtorch-dev") ? 0 : 1);'
}

step 'Node.js'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  note 'not found: install Node.js 20 or later (https://nodejs.org), then run this again'
  exit 1
fi
if [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -lt 20 ]; then
  note "$(node --version) is too old: install Node.js 20 or later (https://nodejs.org), then run this again"
  exit 1
fi
note "$(node --version)"

step 'npm packages'
npm ci --no-audit --no-fund

step 'Native bridge to libtorch'
native=no
if build_bridge; then
  native=yes
  if uses_debians_libtorch && reference_blas; then
    install_packages libopenblas0-openmp || note "without it the torch engine's matrix products are slow"
  fi
fi

step 'TypeScript'
npm run --silent build
note 'compiled to dist/'

if [ "$native" = yes ]; then
  printf '\nReady. What this machine offers: node dist/cli/main.js doctor\n'
elif [ -n "${LIBTORCH:-}" ]; then
  printf '\nReady, but for the torch engine: LIBTORCH names a libtorch that cannot be used (see above). '
  printf 'Mend it or unset LIBTORCH, then run this again; until then everything works on the slower wasm engine.\n'
  exit 1
else
  printf '\nReady, on the slower wasm engine: there is no torch engine (see above). '
  printf 'What would give it: a C++ compiler and PyTorch (pip install torch) or libtorch-dev; then run this again.\n'
fi
