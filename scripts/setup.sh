#!/usr/bin/env bash
# Prepares a clone: system packages for the torch engine (where this may install any), npm packages, the native
# bridge, and the compiled TypeScript. Safe to run again: what is there already stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$1"; }
note() { printf '   %s\n' "$1"; }

# Prints where libtorch was found; fails where it was not.
libtorch_source() {
  node --input-type=module -e '
    import { findLibtorch } from "./scripts/find-libtorch.mjs";
    const { found } = findLibtorch();
    if (!found) process.exit(1);
    console.log(found.source);'
}

# Debian's libtorch multiplies matrices with whatever BLAS is the system's; the reference one is 50 times slower
# than OpenBLAS. The OpenMP build shares libtorch's threads; the other would bring a second pool of its own.
reference_blas() {
  local libraries
  libraries=$(ls /usr/lib/*-linux-gnu/libblas.so.3 2>/dev/null || true)
  [ -z "$libraries" ] || readlink -f $libraries | grep -q '/blas/libblas\.so'
}

missing_packages() {
  local source
  if source=$(libtorch_source); then
    case $source in
      libtorch-dev*) if reference_blas; then echo libopenblas0-openmp; fi ;;
    esac
  else
    echo libtorch-dev
    if reference_blas; then echo libopenblas0-openmp; fi
  fi
  command -v "${CXX:-c++}" >/dev/null || echo g++
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

may_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
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

step 'System packages for the torch engine'
packages=$(missing_packages | xargs)
if [ -z "$packages" ]; then
  note "nothing to install: $(libtorch_source)"
elif ! may_install; then
  note "SKIPPED, as this may not install packages: $packages"
  if [ "$packages" = libopenblas0-openmp ]; then
    note "without it the torch engine's matrix products are slow; ask for: sudo apt-get install $packages"
  else
    if command -v apt-get >/dev/null; then
      note "for the torch engine: sudo apt-get install --no-install-recommends $packages"
    else
      note 'for the torch engine: install a C++ compiler, and PyTorch with pip or a libtorch folder named by LIBTORCH'
    fi
    note 'then run this again; until then everything works on the slower wasm engine'
  fi
else
  note "installing $packages (with what they need, up to a gigabyte on disk)"
  if install_packages $packages; then
    note 'done'
  else
    note "FAILED: going on without $packages; for the torch engine install them, then run this again"
  fi
fi

step 'npm packages'
npm ci --no-audit --no-fund

step 'Native bridge to libtorch'
native=ok
node scripts/build-native.mjs --optional || native=failed

step 'TypeScript'
npm run --silent build
note 'compiled to dist/'

if [ "$native" = failed ]; then
  printf '\nReady, but for the torch engine: its build failed (see above). Everything works on slower engines.\n'
  exit 1
fi
printf '\nReady. What this machine offers: node dist/cli/main.js doctor\n'
