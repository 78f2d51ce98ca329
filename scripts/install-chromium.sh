#!/usr/bin/env bash
# Installs Debian's Chromium and a font, for the tests of the report, where they are missing and this may install any.
set -euo pipefail

if command -v chromium >/dev/null; then
  chromium --version
  exit
fi
as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
chromium --version
