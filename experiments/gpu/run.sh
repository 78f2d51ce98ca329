#!/usr/bin/env bash
# All that is worth knowing on a machine with an NVIDIA GPU, in stages of at most nine minutes each:
#   bash experiments/gpu/run.sh OUT            what the stages are, and which of them OUT has
#   bash experiments/gpu/run.sh OUT build      one of them; OUT/build.log is what it printed, OUT/*.jsonl its figures
#   for stage in build parity tests speed bf16 memory; do bash experiments/gpu/run.sh OUT $stage || break; done
# `train` goes on where the last one ended, for as many epochs as fit: run it until it says that the run is finished.
# DATA is the folder of CIFAR-10's files (datasets/cifar10); PYTHON, by commas, those with torch; DEVICE=cpu tries the
# stages without a GPU; BATCHES ("128 1024"), MEMORY_BATCH (32) and TRAIN_SECONDS (480) make them smaller.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

declare -A about=(
  [build]='native bridge with CUDA, and what doctor says of it'
  [parity]='published runs on this device: parity.jsonl'
  [tests]='npm run test:cuda'
  [speed]='training steps and evaluation beside PyTorch: speed.jsonl'
  [bf16]='training steps in bf16 beside autocast in PyTorch: bf16.jsonl'
  [deep]='ResNet-110 beside PyTorch: deep.jsonl'
  [memory]='peaks at the size of ImageNet: memory.jsonl'
  [train]='CIFAR-10, ResNet-32, AugLocal; goes on: train/'
)
order=(build parity tests speed bf16 deep memory train)
device=${DEVICE:-cuda}
data=${DATA:-datasets/cifar10}
read -r -a batches <<<"${BATCHES:-128 1024}"
[ "$device" = cuda ] && engine=torch-cuda || engine=torch
locallearn() { node dist/cli/main.js "$@"; }
beside() {
  node experiments/peer/bench.mjs --device "$device" --peer plain,tuned,compiled --rounds 4 --json \
    ${PYTHON:+--python "$PYTHON"} "$@"
}

stage_build() {
  bash scripts/setup.sh
  locallearn doctor
  if [ "$device" = cuda ]; then nvidia-smi; fi
}
stage_parity() { locallearn parity test/fixtures/golden/*.json --engine "$engine" | tee "$out/parity.jsonl"; }
stage_tests() {
  if [ "$device" = cuda ]; then npm run test:cuda; else npx vitest run test/engine/fused; fi
}
stage_speed() {
  for batch in "${batches[@]}"; do beside --batch "$batch" --steps 5 --evaluate; done | tee "$out/speed.jsonl"
}
stage_bf16() {
  for batch in "${batches[@]}"; do beside --precision bf16 --batch "$batch" --steps 5; done | tee "$out/bf16.jsonl"
}
stage_deep() {
  for batch in "${batches[@]}"; do
    beside --layers 110 --blocks 55 --depth 3 --methods bp,auglocal --batch "$batch" --steps 3
  done | tee "$out/deep.jsonl"
}
stage_memory() {
  for network in resnet34 resnet101; do
    for method in auglocal man hpff; do
      for recompute in none units; do
        locallearn memory "configs/imagenet/$network/$method.yaml" --engine "$engine" --recompute "$recompute" \
          --batch "${MEMORY_BATCH:-32}" --json --quiet
      done
    done
  done | tee "$out/memory.jsonl"
}
stage_train() {
  # In time it stops with a checkpoint.
  local code=0
  timeout --signal=TERM "${TRAIN_SECONDS:-480}" node dist/cli/main.js train configs/cifar10/resnet32/auglocal.yaml \
    --into "$out/train" --engine "$engine" --set "data.dir=$data" || code=$?
  # 124: it was stopped, as it was asked to.
  [ "$code" -eq 0 ] || [ "$code" -eq 124 ] || return "$code"
}

out=${1:-}
if [ -z "$out" ]; then
  sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
fi
mkdir -p "$out"
stage=${2:-}
if [ -z "$stage" ]; then
  for name in "${order[@]}"; do
    printf '%-7s %-4s  %s\n' "$name" "$([ -e "$out/$name.done" ] && echo done || echo)" "${about[$name]}"
  done
  exit
fi
if [ -z "${about[$stage]:-}" ]; then
  echo "experiments/gpu/run.sh: $stage is none of ${order[*]}" >&2
  exit 2
fi
"stage_$stage" 2>&1 | tee "$out/$stage.log"
# A training that was stopped is not done.
[ "$stage" != train ] || [ -e "$out/train/summary.json" ] || exit 0
touch "$out/$stage.done"
