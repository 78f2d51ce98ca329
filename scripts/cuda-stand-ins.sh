#!/usr/bin/env bash
# PyPI's torch for Linux on x86-64 is a CUDA build, and loads 2 GB of CUDA's libraries (4 GB unpacked) that a CPU never
# calls. Puts a library of the same name beside torch's own for each, with the functions that torch names, which stop
# the program where one is called. What torch does call without a GPU, libcudart and libcupti, must be the real one.
# Usage: cuda-stand-ins.sh site-packages/torch/lib
set -euo pipefail
cd "$1"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

real='^lib(cudart|cupti)\.'
users=(libtorch_cuda.so libtorch_cuda_linalg.so libtorch_nvshmem.so libtorch_python.so libc10_cuda.so)

missing=$(readelf -d "${users[@]}" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u |
  grep -E '^lib(cu|nccl|nvrtc|nvshmem)' | grep -vE "$real")
nm -D --undefined-only "${users[@]}" | awk '$1 == "U" { print $2 }' | sort -u >"$work/undefined"

for library in $missing; do
  # A symbol names its library's version, which is the library's name; these do not.
  version=$library
  symbols="@$library$"
  case $library in
    libnccl.*) symbols='^nccl[A-Z][A-Za-z0-9]*$' ;;
    libcufile.*) symbols='^cuFile[A-Za-z0-9_]*$' ;;
    libcusparseLt.*) symbols='^cusparseLt[A-Za-z0-9_]*$' ;;
    libnvshmem_host.*) version=NVSHMEM symbols='@NVSHMEM$' ;;
  esac
  { grep -E "$symbols" "$work/undefined" || true; } |
    sed 's/@.*//; s/.*/void &(void) { __builtin_trap(); }/' >"$work/functions.c"
  echo "$version { *; };" >"$work/versions"
  "${CC:-cc}" -shared -nostdlib -fPIC -w -fno-builtin -o "$library" "$work/functions.c" \
    "-Wl,-soname,$library" "-Wl,--version-script=$work/versions"
done
