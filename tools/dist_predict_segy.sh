#!/usr/bin/env bash
# Predicts with several processes that share the lines: one a GPU, or as many on the CPU where there is none.
#
# bash tools/dist_predict_segy.sh CONFIG CHECKPOINT in.sgy out.sgy GPUS [options of tools/predict_segy.py]
# bash tools/dist_predict_segy.sh NETWORK in.sgy out.sgy GPUS      # salt-synthetic, or a saved network
#
# The files are the same as those of one process of as many threads as each has here: OMP_NUM_THREADS, 1 by default, or
# --threads. Several machines, which see the same files: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment, the
# same command on each. With MAX_RESTARTS=N all processes are started again when one dies, and go on.
# NNODES=MIN:MAX lets machines leave and join: the files stay the same. They wait LAST_CALL seconds for others (30).
set -euo pipefail
COUNT=4  # of the files before the number of processes; a NETWORK that comes with mmattn, or a saved one, is one name
if [[ $# -ge 4 && $4 =~ ^[1-9][0-9]*$ ]]; then COUNT=3; fi
if [[ $# -le $COUNT || ! ${*:COUNT + 1:1} =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: bash $0 CONFIG CHECKPOINT in.sgy out.sgy GPUS [options], or NETWORK in.sgy out.sgy GPUS [options]" >&2
    exit 2
fi
FILES=("${@:1:COUNT}")
GPUS=${*:COUNT + 1:1}
shift $((COUNT + 1))

exec python "$(dirname "$0")/torchrun.py" \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" --nproc_per_node="$GPUS" \
    --max_restarts="${MAX_RESTARTS:-0}" \
    "$(dirname "$0")/predict_segy.py" "${FILES[@]}" --launcher pytorch "$@"
