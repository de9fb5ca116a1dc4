#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What needs a GPU, in two steps, because GPU machines often have no network and no OpenCV:
#   scripts/gpu_check.sh build         where there is nvcc: builds build-gpu/, with LibTorch alone
#   scripts/gpu_check.sh run [FOLDER]  where there is a GPU: GPU tests, then benchmarks; JSON goes into FOLDER
# build-gpu/bin travels; LibTorch 2.11 is looked for where the machine has it (VGGT_LIBTORCH, python3's torch).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build() {
  cmake -G Ninja -S . -B build-gpu -DVGGT_IMAGE=OFF -DVGGT_TESTS=ON
  cmake --build build-gpu --parallel "$(nproc)" --target \
    vggt kernels_raycast_raycast_test kernels_rope2d_rope2d_test models_vggt_test
  strip build-gpu/bin/*
}

run() {
  local results=${1:-out/gpu} torch
  mkdir -p "$results"
  torch=${VGGT_LIBTORCH:-$(python3 -c 'import torch; print(torch.__path__[0])')}
  export LD_LIBRARY_PATH="$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv

  local failed=0
  for test in kernels_raycast_raycast_test kernels_rope2d_rope2d_test models_vggt_test; do
    build-gpu/bin/$test --gtest_filter='*Gpu*' --gtest_output="json:$results/$test.json" || failed=1
  done
  for precision in bf16 fp32; do
    build-gpu/bin/vggt bench --device cuda --precision $precision --path both --frames 2,8,32 --repeat 5 \
      --json "$results/vggt_1b_$precision.json" || failed=1
  done
  return $failed
}

case "${1:-}" in
  build) build ;;
  run) run "${2:-}" ;;
  *)
    sed -n '3,6p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
