#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Quantising the bundled model on two of its photos, and running what comes out. Argument: the program.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"
photos=examples/scenes/brighton_beach/images
weights=models/mini.safetensors
mkdir "$folder/calib" "$folder/empty"
find "$photos" -type f | sort | head -2 | xargs -I{} cp {} "$folder/calib"
quantize=(quantize --weights "$weights" --images "$folder/calib" --task-scenes 1)

# What is refused, and how.
said 1 'empty.*no picture|empty.*holds no' quantize --weights "$weights" --images "$folder/empty" -o "$folder/no.safetensors"
said 2 "needs calibration images; rtn does without" quantize --weights "$weights" --format int8 --method awq -o "$folder/no.safetensors"
said 2 '192 inputs, which 128 does not divide.*w4a16-g64' "${quantize[@]}" --format w4a16 -o "$folder/no.safetensors"
said 2 "'w3' is none of fp8" "${quantize[@]}" --format w3 -o "$folder/no.safetensors"
echo '{"aggregator.frame_blocks.77": "int8"}' >"$folder/bad.json"
said 2 "'aggregator.frame_blocks.77' is the beginning of no layer" "${quantize[@]}" --format "$folder/bad.json" -o "$folder/no.safetensors"
said 2 "frame_blocks.77" reconstruct "$folder/calib" --precision "$folder/bad.json" -o "$folder/no"
[[ ! -e "$folder/no.safetensors" ]] || fail "a refused run left its output"

# A file, its report and chart; the same command gives the same bytes.
said 0 '48 layers' "${quantize[@]}" --format int8 --method smoothquant -o "$folder/int8.safetensors"
[[ -s "$folder/int8.safetensors.png" && ! -e "$folder/int8.safetensors.partial" ]] || fail "no chart, or parts were left"
[[ $(field "$folder/int8.safetensors.report.json" '["total"]["layers"]') == 48 ]] || fail "the report lacks layers"
said 0 '48 layers' "${quantize[@]}" --format int8 --method smoothquant -o "$folder/again.safetensors"
cmp "$folder/int8.safetensors" "$folder/again.safetensors" || fail "not deterministic"
said 0 'aggregator.frame_blocks.0-5: attn.proj int8, attn.qkv int8' inspect "$folder/int8.safetensors"
said 1 'quantised already' quantize --weights "$folder/int8.safetensors" --method rtn -o "$folder/no.safetensors"
said 2 'quantised already' reconstruct "$folder/calib" --weights "$folder/int8.safetensors" --precision int8 -o "$folder/no"
said 0 'points' reconstruct "$folder/calib" --weights "$folder/int8.safetensors" --accel litevggt -o "$folder/out"

# Killed, and on from the last block: as if it had not been.
said 0 'layers' "${quantize[@]}" --format w4a16-g64 --method gptq -o "$folder/whole.safetensors"
"$vggt" "${quantize[@]}" --format w4a16-g64 --method gptq -o "$folder/killed.safetensors" >/dev/null 2>&1 &
while kill -0 $! 2>/dev/null && [[ ! -s "$folder/killed.safetensors.partial/aggregator.global_blocks.0.safetensors" ]]; do sleep 0.05; done
kill -KILL $! || fail "the run ended before it could be killed"
wait $! 2>/dev/null
[[ ! -e "$folder/killed.safetensors" ]] || fail "a killed run left its output"
said 0 'going on behind [1-9][0-9]* blocks' "${quantize[@]}" --format w4a16-g64 --method gptq -o "$folder/killed.safetensors"
cmp "$folder/whole.safetensors" "$folder/killed.safetensors" || fail "going on gives other codes"

# Rounded on load.
for precision in fp8 int8 w8a16 w4a16-g64; do
  said 0 'points' reconstruct "$folder/calib" --precision $precision -o "$folder/on-load-$precision"
done
finish
