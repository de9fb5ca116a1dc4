#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program as a user calls it: exit codes (0 success, 1 failure, 2 wrong usage), messages that name the culprit,
# nothing half-written, the same bytes twice. Argument: the program. The working directory is the project's root.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"

photos=examples/scenes/brighton_beach/images
model=models/mini.safetensors
case=$folder/case.safetensors
python3 - "$case" <<'PYTHON'
import json, struct, sys
values = [(i * 37 % 256) / 255 for i in range(2 * 3 * 56 * 70)]
header = {"in.images": {"dtype": "F32", "shape": [1, 2, 3, 56, 70], "data_offsets": [0, 4 * len(values)]}}
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(values)}f", *values))
PYTHON

# Wrong usage.
said 2 'a subcommand is missing: one of .*inspect.*bench'
said 2 "unknown subcommand 'nonsense'; there are" nonsense
said 2 "unknown subcommand 'inspct'; did you mean inspect\?" inspct "$model"
said 2 'unknown option --no-such-flag' inspect "$model" --no-such-flag
said 2 'unknown option --jsn; did you mean --json\?' inspect "$model" --jsn
said 2 'vggt: file is missing' inspect
said 2 "See 'vggt forward --help'" forward
said 2 '--input and --output and --weights are missing' forward
said 2 'quiet excludes --verbose' --quiet inspect "$model" --verbose --quiet
said 2 'precision' bench --precision fp12
said 2 'fp32|device' bench --device tpu
said 2 'synthetic' forward --weights synthetic:x --model tiny --input "$case" --output "$folder/o"
said 2 'need --model or --config' forward --weights synthetic:1 --input "$case" --output "$folder/o"
said 2 'giant not in .vggt-1b' forward --weights synthetic:1 --model giant --input "$case" --output "$folder/o"
said 2 'no track_head' forward --weights "$model" --heads camera,track --input "$case" --output "$folder/o"
said 2 'size' bench --model tiny --size 100x100
said 0 'Usage' --help
said 0 'vggt [0-9]' --version

# Weights that are not there, not weights, or not complete.
said 1 "$folder/none.pt: cannot be opened" inspect "$folder/none.pt"
head -c 1000000 "$model" >"$folder/short.safetensors"
said 1 'short.safetensors' inspect "$folder/short.safetensors"
echo 'not weights' >"$folder/text.safetensors"
said 1 'text.safetensors' inspect "$folder/text.safetensors"
said 1 'is missing' inspect "$case"
said 1 'total +1 ' inspect "$case"
said 1 '"problem": .*camera_token' inspect "$case" --json
said 1 'none.json: cannot be read .*No such file' inspect "$model" --config "$folder/none.json"
said 1 'is a JPEG picture, not weights' inspect "$photos/DJI_0018.jpg"
said 1 'in.images is missing' forward --weights "$model" --input "$model" --output "$folder/o"
sed 's/"depth": 3/"depth": 4/' tests/golden/tiny/config.json >"$folder/config.json"
cp tests/golden/tiny/config.json "$folder/tiny.json"
said 1 'does not fit' inspect "$model" --config "$folder/tiny.json"
sed -i 's/"embed_dim": 48/"embed_dim": 50/' "$folder/config.json"
said 2 'config.json' inspect "$model" --config "$folder/config.json"

# What is right.
said 0 'complete' inspect "$model"
said 0 '"licence": "Apache-2.0"' inspect "$model" --json
for run in a b; do
  said 0 'wrote' forward --weights synthetic:1 --model tiny --input "$case" --output "$folder/$run.safetensors"
done
cmp -s "$folder/a.safetensors" "$folder/b.safetensors" || fail "the same forward twice gave different bytes"
cp "$model" "$folder/weights.safetensors"
said 2 'is read, too' forward --weights "$folder/weights.safetensors" --input "$case" --output "$folder/weights.safetensors"
cmp -s "$model" "$folder/weights.safetensors" || fail "forward overwrote its weights"
said 2 'no .json file' bench --model tiny --weights synthetic:0 --frames 1 --json "$folder/weights.safetensors"
said 1 'cannot|No such' forward --weights "$model" --input "$case" --output "$folder/none/o"
[[ ! -e "$folder/o" ]] || fail "a forward that failed left an output"

# What is said while it works: as JSON, or not at all, with the options before or after the subcommand.
bench=(bench --model mini --frames 2 --no-warm-up)
"$vggt" "${bench[@]}" --progress json --json "$folder/bench.json" 2>"$folder/lines" >/dev/null ||
  fail "bench --progress json failed"
python3 - "$folder/lines" "$folder/bench.json" <<'EOF' || fail "bench --progress json wrote: $(head -c 600 "$folder/lines")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
stages = [line for line in lines if "stage" in line]
assert {line["stage"] for line in stages} == {"weights", "encoder", "aggregator", "camera head", "depth head", "points"}, stages
for line in stages:
    assert set(line) == {"stage", "done", "total", "seconds", "rate", "seconds_left"}, line
    assert (line["rate"] is None) == (line["done"] == 0), line
assert any("synthetic" in line.get("message", "") for line in lines), lines
assert lines[-1]["result"] == "success" and lines[-1]["exit_code"] == 0, lines[-1]
report = json.load(open(sys.argv[2]))
assert report["command"].endswith("--json " + sys.argv[2]), report["command"]
assert report["versions"]["commit"], report["versions"]
EOF
[[ -z "$("$vggt" --quiet "${bench[@]}" 2>&1 >/dev/null)" ]] || fail "bench --quiet said something"
[[ -z "$("$vggt" "${bench[@]}" -q 2>&1 >/dev/null)" ]] || fail "bench -q said something"
said 0 'peak memory' "${bench[@]}" --verbose
said 0 'aggregator: 12/12 in [0-9.]+ s$' "${bench[@]}"
said 1 'none.pt: cannot be opened' --quiet inspect "$folder/none.pt"
said 1 '"result":"failure","exit_code":1,.*"message":".*none.pt: cannot be opened' \
  inspect "$folder/none.pt" --progress json
"$vggt" man >/dev/full 2>/dev/null && fail "a full disk went unnoticed"

# Help, completion and the manual page know every subcommand and option.
subcommands=$("$vggt" --help | sed -n '/^Subcommands:/,/^$/p' | awk '/^  [a-z]/ { print $1 }')
[[ $subcommands == *bench*man* ]] || fail "--help lists the subcommands '$subcommands'"
"$vggt" man >"$folder/vggt.1"
"$vggt" completion bash >"$folder/vggt.bash"
"$vggt" completion zsh >"$folder/_vggt"
sed 's/\\-/-/g' "$folder/vggt.1" >"$folder/plain.1"
for subcommand in "" $subcommands; do
  help=$("$vggt" $subcommand --help)
  awk 'length > 100 { exit 1 }' <<<"$help" || fail "vggt $subcommand --help has lines over 100 columns"
  [[ $(grep -cE '^  (source <\()?vggt ' <<<"$help") -ge 3 ]] || fail "vggt $subcommand --help has no three examples"
  for option in $(grep -oE '^  (-., |    )--[a-z-]+' <<<"$help" | grep -oE -- '--[a-z-]+'); do
    grep -qF -- "$option" "$folder/plain.1" || fail "the manual page lacks $option of '$subcommand'"
    grep -qF -- "$option" "$folder/vggt.bash" || fail "the bash completion lacks $option of '$subcommand'"
    grep -qE -- "[')]$option=?\[" "$folder/_vggt" || fail "the zsh completion lacks $option of '$subcommand'"
  done
done
bash -n "$folder/vggt.bash" || fail "bash cannot read its completion"
offered=$(bash -c "source '$folder/vggt.bash'; complete -p vggt >/dev/null || exit 1
  COMP_WORDS=(vggt forward --device ''); COMP_CWORD=3; _vggt; echo \${COMPREPLY[*]}")
[[ $offered == 'auto cpu cuda' ]] || fail "bash completes --device with '$offered'"
if command -v zsh >/dev/null; then
  zsh -n "$folder/_vggt" || fail "zsh cannot read its completion"
fi
if command -v groff >/dev/null; then
  complaints=$(groff -man -ww -Tascii "$folder/vggt.1" 2>&1 >/dev/null)
  [[ -z $complaints ]] || fail "groff complains about the manual page: $complaints"
fi

# interrupted SIGNAL CODE PATTERN ARGUMENTS...: a signal at the start of a stage that lasts much longer ends the program
# within seconds, with this code.
interrupted() {
  local signal=$1 code=$2 stage=$3 pid status begin
  shift 3
  rm -f "$folder/said"  # of the last time, which names stages, too
  "$vggt" "$@" >"$folder/said" 2>&1 &
  pid=$!
  for ((i = 0; i < 600; i++)); do
    grep -qs "$stage" "$folder/said" && break
    sleep 0.1
  done
  kill -"$signal" "$pid"
  begin=$SECONDS
  wait "$pid"
  status=$?
  [[ $status -eq $code ]] || fail "vggt $* ended with $status after SIG$signal: $(tail -c 600 "$folder/said")"
  ((SECONDS - begin <= 10)) || fail "vggt $* went on for $((SECONDS - begin)) s after SIG$signal"
  grep -q 'vggt: interrupted' "$folder/said" || fail "vggt $* did not say that it was interrupted"
}
interrupted INT 130 aggregator bench --model mini --frames 2 --repeat 1000 --json "$folder/interrupted"
interrupted TERM 143 weights forward --weights synthetic:0 --model vggt-1b --input "$case" --output "$folder/interrupted"
[[ -z $(find "$folder" -name 'interrupted*') ]] || fail "an interrupted run left files behind"

if "$vggt" reconstruct --help >/dev/null 2>&1; then
  mkdir "$folder/empty" "$folder/other" "$folder/damaged"
  echo text >"$folder/other/readme.txt"
  said 1 'no such file or folder' reconstruct "$folder/none" -o "$folder/out"
  said 1 'holds no picture' reconstruct "$folder/empty" -o "$folder/out"
  said 1 'holds no picture among its 1 file' reconstruct "$folder/other" -o "$folder/out"
  head -c 5000 "$photos/$(ls "$photos" | head -n 1)" >"$folder/damaged/a.jpg"
  said 1 'none of 1 can be read; the first: .*damaged/a.jpg' reconstruct "$folder/damaged" -o "$folder/out"
  [[ -z "$(find "$folder" -maxdepth 1 -name '*out*')" ]] || fail "a reconstruction that failed left files behind"

  interrupted INT 130 weights reconstruct "$photos" -o "$folder/out" --weights synthetic:0 --model vggt-1b
  [[ -z "$(find "$folder" -maxdepth 1 -name '*out*')" ]] || fail "an interrupted reconstruction left files behind"

  said 0 '2 photos' reconstruct "$photos" -o "$folder/out" --max-images 2
  grep -q 'aggregator: 12/12 in .* s, .*peak memory' "$folder/out/log.txt" || fail "log.txt lacks the stages"
  grep -q '2 photos' "$folder/out/log.txt" || fail "log.txt lacks the summary"
  cp -r "$folder/out" "$folder/before"
  said 2 'overwrite' reconstruct "$photos" -o "$folder/out" --max-images 2
  diff -r "$folder/before" "$folder/out" >/dev/null || fail "a refused run changed the old result"
  said 0 '2 photos' reconstruct "$photos" -o "$folder/out" --max-images 2 --overwrite
  for file in points.ply preview.png sparse/0/cameras.bin sparse/0/images.bin sparse/0/points3D.bin; do
    cmp -s "$folder/before/$file" "$folder/out/$file" || fail "$file differs between two equal runs"
  done
  said 0 'synthetic' reconstruct "$photos" -o "$folder/syn" --max-images 1 --weights synthetic:0 --model tiny
  grep -q synthetic "$folder/syn/report.json" || fail "report.json does not say that the weights are synthetic"
  head -c 400 "$folder/syn/points.ply" | grep -q synthetic || fail "points.ply does not say that the weights are synthetic"
fi

# The program's own completion, as bash asks for it.
completed() {
  (
    cd "$folder/some" && source "$folder/completion.bash"
    COMP_WORDS=(vggt "$@")
    COMP_CWORD=$#
    _vggt
    printf '%s ' "${COMPREPLY[@]}"
  )
}
"$vggt" completion bash >"$folder/completion.bash"
mkdir -p "$folder/some/photos"
touch "$folder/some/phone.jpg"
[[ "$(completed recon)" == *reconstruct* ]] || fail "completion does not know reconstruct"
for line in "reconstruct ph" "reconstruct photos -o ph" "convert ph" "convert photos -o ph"; do
  [[ "$(completed $line)" == *photos* ]] || fail "completion of '$line' does not offer the folder: $(completed $line)"
done
[[ "$(completed reconstruct ph)" == *phone.jpg* ]] || fail "completion of photos does not offer a file"

finish
