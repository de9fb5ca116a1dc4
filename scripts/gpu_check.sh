#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What needs a GPU, in steps, because GPU machines often have no network and no OpenCV:
#   scripts/gpu_check.sh build            where there is nvcc: builds build-gpu/, with LibTorch alone
#   scripts/gpu_check.sh run [FOLDER]     where there is a GPU: GPU tests, then benchmarks; JSON goes into FOLDER
#   scripts/gpu_check.sh train [FOLDER] [MINUTES]
#                                         trains the bundled model further, or goes on where the last call stopped;
#                                         FOLDER gets its log and its weights in parts of at most 15 MiB
#   scripts/gpu_check.sh join FOLDER FILE the parts as one file again
# build-gpu/bin travels; LibTorch 2.11 is looked for where the machine has it (VGGT_LIBTORCH, python3's torch).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=(base_host_copies_test kernels_attention_attention_test kernels_raycast_raycast_test kernels_residual_norm_residual_norm_test
  kernels_rope2d_rope2d_test kernels_split_heads_split_heads_test
  kernels_token_merge_token_merge_test kernels_unproject_unproject_test models_vggt_test train_batch_source_test)

build() {
  cmake -G Ninja -S . -B build-gpu -DVGGT_IMAGE=OFF -DVGGT_TESTS=ON
  cmake --build build-gpu --parallel "$(nproc)" --target vggt "${tests[@]}"
  strip build-gpu/bin/*
}

use_libtorch() {
  local torch
  torch=${VGGT_LIBTORCH:-$(python3 -c 'import torch; print(torch.__path__[0])')}
  export LD_LIBRARY_PATH="$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}

run() {
  local results=${1:-out/gpu} failed=0
  mkdir -p "$results"
  use_libtorch
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
  for test in "${tests[@]}"; do
    build-gpu/bin/$test --gtest_filter='*Gpu*' --gtest_output="json:$results/$test.json" || failed=1
  done
  for precision in bf16 fp32; do
    build-gpu/bin/vggt bench --device cuda --precision $precision --path both --frames 2,8,32 --repeat 5 \
      --json "$results/vggt_1b_$precision.json" || failed=1
  done
  return $failed
}

# The run's folder stays on the machine between calls. A fresh machine begins with the bundled weights, as the
# recipe says: a whole checkpoint is larger than what travels.
train() {
  local results=${1:-out/gpu} minutes=${2:-8} run=out/train-gpu
  local begin=()
  if [[ -f $run/checkpoint.safetensors ]]; then begin=(--resume); fi
  mkdir -p "$results"
  use_libtorch
  build-gpu/bin/vggt train models/recipes/mini_large.json -o "$run" "${begin[@]}" \
    --device "${VGGT_TRAIN_DEVICE:-cuda}" --minutes "$minutes"
  cp "$run/log.jsonl" "$run/recipe.json" "$results"
  rm -f "$results"/model.safetensors.part-*
  split --bytes=15M "$run/model.safetensors" "$results/model.safetensors.part-"
}

join() {
  local from=${1:?the folder of the parts} to=${2:?the file to write}
  cat "$from"/model.safetensors.part-* >"$to.tmp"
  build-gpu/bin/vggt inspect "$to.tmp" >/dev/null || {
    rm "$to.tmp"
    echo "gpu_check: the parts in $from are no whole model" >&2
    exit 1
  }
  mv "$to.tmp" "$to"
}

step=${1:-}
case "$step" in
  build | run | train | join) "$step" "${@:2}" ;;
  *)
    sed -n '4,9p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
