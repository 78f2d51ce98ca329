#!/usr/bin/env bash
#SBATCH --job-name=locallearn
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
# One rank a node: sbatch experiments/distributed/slurm.sh configs/auglocal.yaml runs/auglocal
# Two minutes before the time is up all ranks stop with a checkpoint; the same command, submitted again, goes on.
set -euo pipefail
# Read whole, then cut: a `head` that has its line closes the pipe, and under pipefail scontrol's SIGPIPE would end the job without a word.
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
export MASTER_ADDR=${hosts%%$'\n'*} MASTER_PORT=29500
srun --kill-on-bad-exit=1 bash -c '
  export RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS LOCAL_RANK=$SLURM_LOCALID OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
  exec npx locallearn train "$1" --into "$2" --set parallel.blocks="$WORLD_SIZE"
' rank "$1" "$2"
