# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What demo and test share; they source it. After it the working directory is the project's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Installs what is missing, configures build/ and builds the targets given, or everything.
# VGGT_CMAKE_ARGS holds further arguments of cmake, VGGT_LIBTORCH a LibTorch of your own.
configure_and_build() {
  scripts/setup

  local options=()
  # An existing build folder keeps its generator: another one is an error of cmake.
  [[ -f build/CMakeCache.txt ]] || options+=(-G Ninja)
  if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  if [[ -n "${VGGT_LIBTORCH:-}" ]]; then options+=("-DVGGT_LIBTORCH=$VGGT_LIBTORCH"); fi
  local further
  read -ra further <<<"${VGGT_CMAKE_ARGS:-}"
  cmake -S . -B build "${options[@]}" "${further[@]}"

  local targets=()
  if (($#)); then targets=(--target "$@"); fi
  cmake --build build --parallel "$(compile_jobs)" "${targets[@]}"
}

# One job per core, but only as many as memory allows: a file that includes ATen takes about 1 GB.
compile_jobs() {
  local cores gigabytes
  cores=$(nproc)
  gigabytes=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
  if ((gigabytes < 1)); then gigabytes=1; fi
  echo $((cores < gigabytes ? cores : gigabytes))
}
