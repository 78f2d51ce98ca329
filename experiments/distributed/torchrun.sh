#!/usr/bin/env bash
# On every host, with HOST=0 on the first, 1 on the second: two ranks each, which all hold blocks of one network. When one
# is lost all are started again, and go on from the newest checkpoint. The first host alone has to keep the run's folder.
#   MASTER=10.0.0.1 HOSTS=2 HOST=0 bash experiments/distributed/torchrun.sh configs/auglocal.yaml runs/auglocal
set -euo pipefail
config=$1 folder=$2
exec torchrun --no-python --nnodes "$HOSTS" --node-rank "$HOST" --nproc-per-node 2 \
  --master-addr "$MASTER" --master-port 29500 --max-restarts 3 \
  npx locallearn train "$config" --into "$folder" --set parallel.blocks=$((2 * HOSTS))
