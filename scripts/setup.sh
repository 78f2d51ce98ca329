#!/usr/bin/env bash
# Prepares a clone: system packages for the torch engine (where this may install any), npm packages, the native
# bridge, and the compiled TypeScript. Safe to run again: what is there already stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$1"; }
note() { printf '   %s\n' "$1"; }

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
if bash scripts/setup-bridge.sh; then native=yes; fi

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
