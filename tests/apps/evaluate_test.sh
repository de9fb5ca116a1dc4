#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vggt eval as a user calls it: CO3D's protocol on a made-up tree of three categories with broken sequences, a report
# that is complete, a rerun that computes nothing, a killed run that goes on, the same frames twice, a comparison.
# Arguments: the program, write_co3d_tree. The working directory is the project's root.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"
write_co3d_tree=$2

# json FILE EXPRESSION: of the file as `d`
json() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }

# expect_json FILE EXPRESSION VALUE
expect_json() {
  local value
  value=$(json "$1" "$2") || fail "$1: $2 cannot be told"
  [[ "$value" == "$3" ]] || fail "$1: $2 is $value, not $3"
}

"$write_co3d_tree" "$folder/co3d" examples/scenes/brighton_beach/images || give_up "write_co3d_tree"
run=(eval co3d --root "$folder/co3d" --frames 4)

# The whole report; what is broken is named, the rest is scored.
table=$("$vggt" "${run[@]}" -o "$folder/a" 2>"$folder/log") || give_up "eval ended with $?: $(tail -3 "$folder/log")"
grep -q '38 of 41 categories are not there' "$folder/log" || fail "missing categories are not named"
grep -q 'left out: bench/2_2_2: .*frame_number 67 is not usable: .*viewpoint' "$folder/log" || fail "the bench is not named"
grep -q 'left out: cup/2_2_2: .*jpg is missing' "$folder/log" || fail "the cup is not named"
grep -q '4 sequences scored, 2 left out' <<<"$table" || fail "the table does not say how many: $table"
for file in summary.json sequences.csv table.md frames.json results.jsonl errors.png trajectories.png accuracy.png; do
  [[ -s "$folder/a/$file" ]] || fail "$file is not there"
done
summary=$folder/a/summary.json
expect_json "$summary" 'd["dataset"], d["sequences"], len(d["left_out"])' "('co3d', 4, 2)"
expect_json "$summary" 'sorted(d["auc"])' "['15', '3', '30', '5']"
expect_json "$summary" 'all(0 <= v <= 100 for v in d["auc"].values())' True
expect_json "$summary" 'd["auc_intervals"]["30"][0] <= d["auc"]["30"] <= d["auc_intervals"]["30"][1]' True
expect_json "$summary" 'd["pairs"], sorted(d["categories"]), d["categories"]["apple"]["sequences"]' \
  "(24, ['apple', 'bench', 'cup'], 2)"
expect_json "$summary" 'd["by_trust"]["published SfM"]["sequences"]' 4
expect_json "$summary" 'd["seconds"] > 0 and d["peak_memory_bytes"] > 1e7' True
[[ $(wc -l <"$folder/a/sequences.csv") -eq 5 ]] || fail "sequences.csv has another number of lines"

# The published draw: np.random.seed(0), then for each sequence np.random.choice(52, 4, replace=False); the fifth one's, for
# broken sequences draw, too.
expect_json "$folder/a/frames.json" 'd["cup/1_1_1"]' '[6, 0, 13, 16]'

# A rerun computes nothing and says the same; another folder gets the same frames and scores.
before=$(sha256sum "$folder/a/results.jsonl")
"$vggt" "${run[@]}" -o "$folder/a" >"$folder/again" 2>/dev/null || fail "the rerun"
[[ "$before" == "$(sha256sum "$folder/a/results.jsonl")" ]] || fail "the rerun computed something again"
[[ "$table" == "$(cat "$folder/again")" ]] || fail "the rerun says something else"
"$vggt" "${run[@]}" -o "$folder/b" >/dev/null 2>&1 || fail "the second folder"
cmp -s "$folder/a/frames.json" "$folder/b/frames.json" || fail "the same seed gave other frames"
expect_json "$folder/b/summary.json" 'd["auc"]' "$(json "$summary" 'd["auc"]')"

# A comparison of equals has no difference.
said 0 '\| AUC@30 \| .* \| 0.00 \| 0.00 to 0.00 \|' eval --compare "$folder/a" "$folder/b"
said 0 '4 sequences in both' eval --compare "$folder/a" "$folder/b"

# Killed at some moment, a run goes on where it was.
"$vggt" "${run[@]}" -o "$folder/killed" >/dev/null 2>&1 &
while kill -0 $! 2>/dev/null && [[ ! -s "$folder/killed/results.jsonl" ]]; do sleep 0.02; done
kill -KILL $! || fail "the run ended before it could be killed"
wait $! 2>/dev/null
[[ ! -e "$folder/killed/summary.json" ]] || fail "the run was over before it was killed"
printf '{"key": "half a li' >>"$folder/killed/results.jsonl"
first=$(head -n 1 "$folder/killed/results.jsonl")
"$vggt" "${run[@]}" -o "$folder/killed" >/dev/null 2>&1 || fail "going on after a kill"
[[ "$first" == "$(head -n 1 "$folder/killed/results.jsonl")" ]] || fail "the first result was computed again"
expect_json "$folder/killed/summary.json" 'd["auc"]' "$(json "$summary" 'd["auc"]')"

# Other options do not mix with what is there.
said 0 '4 results in .* were made with other weights or options' "${run[@]}" --repeat 2 -o "$folder/b"

# Frames of a list, and single sequences.
echo '{"1_1_1": [3, 1, 2]}' >"$folder/list.json"
said 0 '1 sequences scored' "${run[@]}" --only cup/1_1_1 --frame-list "$folder/list.json" -o "$folder/c"
expect_json "$folder/c/frames.json" 'd' "{'cup/1_1_1': [3, 1, 2]}"
echo '{"1_1_1": [[3, 1], [2, 0]]}' >"$folder/list.json"
said 0 '2 sequences scored' "${run[@]}" --only cup/1_1_1 --frame-list "$folder/list.json" -o "$folder/pairs"
expect_json "$folder/pairs/frames.json" 'd' "{'cup/1_1_1': [[3, 1], [2, 0]]}"
expect_json "$folder/pairs/summary.json" 'd["pairs"], sorted(d["auc_trapezoid"])' "(2, ['10', '20', '5'])"
said 0 '2 sequences in both' eval --compare "$folder/pairs" "$folder/pairs"
echo '{}' >"$folder/list.json"
said 1 'no sequence can be scored' "${run[@]}" --frame-list "$folder/list.json" -o "$folder/d"
echo '{"1_1_1": [3, 1, 2], "9_9_9": [0, 1]}' >"$folder/list.json"
said 0 '1 sequences scored' "${run[@]}" --only cup/1_1_1 --frame-list "$folder/list.json" -o "$folder/other"
expect_json "$folder/other/summary.json" '"9_9_9 is no sequence" in str(d["problems"])' True
echo '{"1_1_1": [3, 99]}' >"$folder/list.json"
said 1 'asks for frame 99 of 52' "${run[@]}" --frame-list "$folder/list.json" -o "$folder/d"
[[ ! -e "$folder/d" ]] || fail "a run that scores nothing leaves a folder"

# A published script's protocol is another key, and is told.
said 0 '4 results in .* were made with other weights or options' "${run[@]}" --compat fastvggt -o "$folder/a"
expect_json "$folder/a/summary.json" 'd["made_by"]["compat"]' fastvggt

# Another set whose sequence has the same name and as many frames: no result of the first may stand for it.
for seed in 5 6; do
  said 0 '1 scene' synth --scenes 1 --views 3 --seed $seed --size 96x80 --rig orbit -o "$folder/set$seed"
done
said 0 '1 sequences scored' eval scenes --root "$folder/set5" --no-points -o "$folder/two"
said 0 '1 sequences scored' eval scenes --root "$folder/set5" --no-points -o "$folder/one"
said 0 '1 sequences scored' eval scenes --root "$folder/set6" --no-points -o "$folder/two"
[[ $(wc -l <"$folder/two/results.jsonl") -eq 2 ]] || fail "the second set was not scored"
[[ "$(json "$folder/one/summary.json" 'd["trajectory"]')" != "$(json "$folder/two/summary.json" 'd["trajectory"]')" ]] ||
  fail "the second set has the first one's scores"
said 2 'share no sequence' eval --compare "$folder/one" "$folder/two"

# The CO3D path gives what the scene's own format gives: the same photos, frames and true poses.
beach=examples/scenes/brighton_beach
"$write_co3d_tree" "$folder/beach" --scene $beach || give_up "write_co3d_tree --scene"
echo '{"1_1_1": [7, 0, 11], "brighton_beach": [7, 0, 11]}' >"$folder/list.json"
said 0 '1 sequences scored' eval co3d --root "$folder/beach" --min-frames 2 --frame-list "$folder/list.json" -o "$folder/as_co3d"
said 0 '1 sequences scored' eval scenes --root $beach --frame-list "$folder/list.json" -o "$folder/as_scene"
python3 - "$folder"/as_{co3d,scene}/results.jsonl <<'END' || fail "a scene as CO3D has other errors"
import json, sys
a, b = (json.loads(open(path).readline()) for path in sys.argv[1:])
for name in ("rotation_deg", "translation_deg"):
    assert len(a[name]) == 3 and all(0 < x < 180 for x in a[name]), a[name]
    assert all(abs(x - y) < 1e-6 for x, y in zip(a[name], b[name])), (name, a[name], b[name])
END

# Scenes of vggt synth are exact; ScanNet's containers give up their photos and depth.
said 0 '\| exact \|' eval scenes --root "$folder/set5" --no-points -o "$folder/e"
expect_json "$folder/e/summary.json" 'd["by_trust"]["exact"]["sequences"], d["sequences"]' "(1, 1)"
said 0 'Measured with --compat fastvggt' eval scenes --root "$folder/set5" --compat fastvggt --no-points -o "$folder/g"
[[ "$(json "$folder/e/summary.json" 'd["trajectory"]["ate_rmse"]')" != "$(json "$folder/g/summary.json" 'd["trajectory"]["ate_rmse"]')" ]] ||
  fail "--compat fastvggt changes no trajectory"
python3 - "$folder" examples/scenes/brighton_beach/images/*.jpg <<'END' || fail "writing a .sens file"
import os, struct, sys, zlib
folder, photos = sys.argv[1], sys.argv[2:5]
path = folder + "/scannet/scene0000_00/scene0000_00.sens"
os.makedirs(os.path.dirname(path))
matrix = lambda *diagonal: struct.pack("<16f", *(diagonal[i // 5] if i % 5 == 0 else 0 for i in range(16)))
with open(path, "wb") as f:
    f.write(struct.pack("<IQ", 4, 3) + b"abc")
    f.write(struct.pack("<16f", 500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0, 0, 0, 0, 1))
    f.write(matrix(1, 1, 1, 1) * 3 + struct.pack("<iiIIIIfQ", 2, 1, 640, 480, 64, 48, 1000, 3))
    for i, photo in enumerate(photos):
        colour = open(photo, "rb").read()
        depth = zlib.compress(struct.pack("<3072H", *(1000 + k for k in range(3072))))
        pose = [1, 0, 0, i, 0, 1, 0, i * i, 0, 0, 1, 0, 0, 0, 0, 1]
        f.write(struct.pack("<16f", *pose) + struct.pack("<4Q", i, i, len(colour), len(depth)) + colour + depth)
with open(folder + "/scannet/scene0000_00/scene0000_00_vh_clean_2.ply", "wb") as f:
    f.write(b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n")
    f.write(struct.pack("<9f", 0, 0, 1, 1, 0, 2, 0, 1, 3))
END
mkdir "$folder/tmp"
TMPDIR=$folder/tmp said 0 '1 sequences scored' eval scannet --root "$folder/scannet" -o "$folder/f"
expect_json "$folder/f/summary.json" 'd["depth"]["median"]["pixels"] > 3000, d["points"]["sequences"]' "(True, 1)"
[[ -z $(ls -A "$folder/tmp") ]] || fail "copied photos are left behind"

# Where no photo can be read there is nothing to report.
mkdir -p "$folder/broken/a/images"
cp $beach/cameras.json "$folder/broken/a"
for photo in $beach/images/*.jpg; do echo >"$folder/broken/a/images/$(basename "$photo")"; done
said 1 'no sequence could be scored' eval scenes --root "$folder/broken" -o "$folder/h"
[[ ! -e "$folder/h/summary.json" ]] || fail "a report of nothing"

# Wrong usage.
said 2 "split: 'tset' is none of those of co3d: test, train" "${run[@]}" --split tset -o "$folder/d"
said 2 "only: 'apples' is no sequence" "${run[@]}" --only apple,apples -o "$folder/d"
said 1 'none.safetensors' "${run[@]}" --weights "$folder/none.safetensors" -o "$folder/d"
[[ ! -e "$folder/d" ]] || fail "a run that could not begin leaves a folder"
said 2 'the data set, --root, --output must be given' eval
said 2 'imagenet not in' eval imagenet
said 2 'root: .* is no folder' eval co3d --root "$folder/none" -o "$folder/d"
said 2 'none of CO3D' eval co3d --root examples -o "$folder/d"
said 2 'it is no report to go on with' "${run[@]}" -o "$folder/co3d"
said 1 'summary.json: is not there: the report was not finished' eval --compare "$folder/a" "$folder/none"
said 2 'leave the data set, --root and --output out' eval --compare "$folder/a" "$folder/b" -o "$folder/d"
cp -r "$folder/a" "$folder/spoilt"
sed -i 's/"fingerprints": *\[/"fingerprints": [3, /' "$folder/spoilt/summary.json"
said 1 'spoilt/summary.json: fingerprints is no list of texts' eval --compare "$folder/a" "$folder/spoilt"
rm -r "$folder/spoilt"
mkdir "$folder/endless"
ln -s /dev/zero "$folder/endless/results.jsonl"
said 1 'results.jsonl: is no file' "${run[@]}" -o "$folder/endless"
finish
