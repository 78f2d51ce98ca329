#!/usr/bin/env bash
# Makes .venv-test, the Python whose packages read our files in test/readers (test/readers/requirements.txt). Safe to
# run again: does nothing where those are there already. $PYTHON names another Python, 3.11 or later.
# Its torch is a libtorch for the native bridge too: LIBTORCH=$(bash scripts/test-python.sh) npm run build:native.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
folder=.venv-test
wanted=test/readers/requirements.txt
# Written last: what is there without it was not finished.
installed=$folder/requirements.txt

say() { printf '%s\n' "$1" >&2; }

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  say "$python is not there or older than 3.11, which the packages of $wanted need: name one by PYTHON"
  exit 1
fi
if ! cmp -s "$wanted" "$installed"; then
  rm -rf "$folder"
  if ! "$python" -m venv "$folder" >&2; then
    say "$python cannot make a virtual environment: sudo apt-get install python3-venv"
    exit 1
  fi
  # Everything is listed, so nothing is resolved: torch alone would ask for 2 GB of CUDA's libraries.
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps -r "$wanted" >&2
fi
torch=$("$folder/bin/python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])')
if ! cmp -s "$wanted" "$installed"; then
  if [ -e "$torch/lib/libtorch_cuda.so" ]; then bash scripts/cuda-stand-ins.sh "$torch/lib"; fi
  "$folder/bin/python" -c 'import torch, torchvision' >&2
  cp "$wanted" "$installed"
fi
say "$folder: $(du -sm "$folder" | cut -f1) MB"
printf '%s\n' "$torch"
