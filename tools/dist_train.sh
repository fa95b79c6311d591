#!/usr/bin/env bash
# Trains with several processes: one a GPU, or as many on the CPU where there is none.
#
# bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
#
# Several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment, the same command on each. With
# MAX_RESTARTS=N all processes are started again when one dies, and go on from the last checkpoint: see
# --checkpoint-every. NNODES=MIN:MAX lets machines leave and join: all processes are started again and go on, and
# what one iteration learns from stays the same. Machines wait LAST_CALL seconds, 30 by default, for others.
set -euo pipefail
if [ $# -lt 2 ]; then echo "usage: bash $0 CONFIG GPUS [options]" >&2; exit 2; fi
CONFIG=$1
GPUS=$2
shift 2

exec python "$(dirname "$0")/torchrun.py" \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" --nproc_per_node="$GPUS" \
    --max_restarts="${MAX_RESTARTS:-0}" \
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "$@"
