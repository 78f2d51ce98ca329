#!/usr/bin/env bash
# Installs the engine `tensorflow`: scripts/tensorflow-engine.sh --help. Never part of `npm ci`.
set -euo pipefail

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo 'tensorflow-engine: install Node.js 20 or later, with npm, first (https://nodejs.org)' >&2
  exit 1
fi
exec node "$(dirname "${BASH_SOURCE[0]}")/tensorflow-engine.mjs" "$@"
