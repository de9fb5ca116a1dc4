#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program as a user calls it: exit codes (0 success, 1 failure, 2 wrong usage), messages that name the culprit,
# nothing half-written, the same bytes twice. Argument: the program. The working directory is the project's root.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

vggt=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
photos=examples/scenes/brighton_beach/images
model=models/mini.safetensors
case=tests/golden/mini/case_s4_112x140.safetensors

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect CODE PATTERN ARGUMENTS...: the exit code, and a pattern that the output must match.
expect() {
  local code=$1 pattern=$2 output status
  shift 2
  output=$("$vggt" "$@" 2>&1)
  status=$?
  [[ $status -eq $code ]] || fail "vggt $* ended with $status, not $code: ${output:0:600}"
  grep -qE -- "$pattern" <<<"$output" || fail "vggt $* did not say '$pattern' but: ${output:0:600}"
}

# Wrong usage.
expect 2 'subcommand' 
expect 2 'subcommand' nonsense
expect 2 'no-such-flag' inspect "$model" --no-such-flag
expect 2 'precision' bench --precision fp12
expect 2 'fp32|device' bench --device tpu
expect 2 'synthetic' forward --weights synthetic:x --model tiny --input "$case" --output "$folder/o"
expect 2 'need --model or --config' forward --weights synthetic:1 --input "$case" --output "$folder/o"
expect 2 'none of vggt-1b' forward --weights synthetic:1 --model giant --input "$case" --output "$folder/o"
expect 2 'no track head' forward --weights "$model" --heads camera,track --input "$case" --output "$folder/o"
expect 2 'size' bench --model tiny --size 100x100
expect 0 'Usage' --help
expect 0 'vggt [0-9]' --version

# Weights that are not there, not weights, or not complete.
expect 1 "$folder/none.pt: cannot be opened" inspect "$folder/none.pt"
head -c 1000000 "$model" >"$folder/short.safetensors"
expect 1 'short.safetensors' inspect "$folder/short.safetensors"
echo 'not weights' >"$folder/text.safetensors"
expect 1 'text.safetensors' inspect "$folder/text.safetensors"
expect 1 'is missing' inspect "$case"
expect 1 'in.images is missing' forward --weights "$model" --input "$model" --output "$folder/o"
sed 's/"depth": 3/"depth": 4/' tests/golden/tiny/config.json >"$folder/config.json"
cp tests/golden/tiny/config.json "$folder/tiny.json"
expect 1 'does not fit' inspect "$model" --config "$folder/tiny.json"
sed -i 's/"embed_dim": 48/"embed_dim": 50/' "$folder/config.json"
expect 2 'config.json' inspect "$model" --config "$folder/config.json"

# What is right.
expect 0 'complete' inspect "$model"
expect 0 '"licence": "Apache-2.0"' inspect "$model" --json
for run in a b; do
  expect 0 'wrote' forward --weights synthetic:1 --model tiny --input "$case" --output "$folder/$run.safetensors"
done
cmp -s "$folder/a.safetensors" "$folder/b.safetensors" || fail "the same forward twice gave different bytes"
expect 1 'cannot|No such' forward --weights "$model" --input "$case" --output "$folder/none/o"
[[ ! -e "$folder/o" ]] || fail "a forward that failed left an output"

if "$vggt" reconstruct --help >/dev/null 2>&1; then
  mkdir "$folder/empty" "$folder/other" "$folder/damaged"
  echo text >"$folder/other/readme.txt"
  expect 1 'none: ' reconstruct "$folder/none" -o "$folder/out"
  expect 1 'empty' reconstruct "$folder/empty" -o "$folder/out"
  expect 1 'other' reconstruct "$folder/other" -o "$folder/out"
  head -c 5000 "$photos/$(ls "$photos" | head -n 1)" >"$folder/damaged/a.jpg"
  expect 1 'damaged/a.jpg' reconstruct "$folder/damaged" -o "$folder/out"
  [[ -z "$(find "$folder" -maxdepth 1 -name 'out*')" ]] || fail "a reconstruction that failed left files behind"

  expect 0 '2 photos' reconstruct "$photos" -o "$folder/out" --max-images 2
  cp -r "$folder/out" "$folder/before"
  expect 2 'overwrite' reconstruct "$photos" -o "$folder/out" --max-images 2
  diff -r "$folder/before" "$folder/out" >/dev/null || fail "a refused run changed the old result"
  expect 0 '2 photos' reconstruct "$photos" -o "$folder/out" --max-images 2 --overwrite
  for file in points.ply preview.png sparse/0/cameras.bin sparse/0/images.bin sparse/0/points3D.bin; do
    cmp -s "$folder/before/$file" "$folder/out/$file" || fail "$file differs between two equal runs"
  done
  expect 0 'synthetic' reconstruct "$photos" -o "$folder/syn" --max-images 1 --weights synthetic:0 --model tiny
  grep -q synthetic "$folder/syn/report.json" || fail "report.json does not say that the weights are synthetic"
  head -c 400 "$folder/syn/points.ply" | grep -q synthetic || fail "points.ply does not say that the weights are synthetic"
fi

((failures == 0)) || exit 1
echo "all as expected"
