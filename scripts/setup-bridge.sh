#!/usr/bin/env bash
# Builds the native bridge to libtorch, in a clone or where the package is installed: `locallearn setup`, and part of
# setup.sh. Where the bridge came built, as a package, only lets that find libtorch. Installs a compiler and Debian's
# libtorch where they are missing and this may install any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

note() { printf '   %s\n' "$1"; }

# Debian's libtorch multiplies matrices with whatever BLAS is the system's; the reference one is 50 times slower
# than OpenBLAS. The OpenMP build shares libtorch's threads; the other would bring a second pool of its own.
reference_blas() {
  local libraries
  libraries=$(ls /usr/lib/*-linux-gnu/libblas.so.3 2>/dev/null || true)
  [ -z "$libraries" ] || readlink -f $libraries | grep '/blas/libblas\.so' >/dev/null
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

# A bridge that came built spares the compiler, where it fits.
if node scripts/link-prebuilt.mjs; then exit; fi
build_bridge
if uses_debians_libtorch && reference_blas; then
  install_packages libopenblas0-openmp || note "without it the torch engine's matrix products are slow"
fi
