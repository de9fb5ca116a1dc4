#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What 'vggt reconstruct --refine' writes, and what COLMAP makes of it, where it is installed. Argument: the program.
# Ends with 77 (skipped) without COLMAP, after its own part has passed.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"
export QT_QPA_PLATFORM=offscreen

photos=$folder/photos
out=$folder/out
mkdir "$photos"
cp examples/scenes/brighton_beach/images/DJI_00{18,19,20,21,22,23}.jpg "$photos"

said 0 'refined: [0-9]+ points' reconstruct "$photos" -o "$out" --refine ba
[[ $(field "$out/report.json" '["refinement"]["taken"]') == True ]] || give_up "nothing was refined"
((1 < $(field "$out/report.json" '["refinement"]["rounds"]'))) || fail "fewer than two rounds"
python3 - "$out/report.json" <<'PYTHON' || fail "the report's figures do not fit each other"
import json, sys
r = json.load(open(sys.argv[1]))["refinement"]
assert r["after"]["cost_px2"] < r["before"]["cost_px2"], r
assert sum(r["tracks"]["by_length"].values()) == r["tracks"]["tracks"], r
assert len(r["depth"]) == len(r["groups"]) == 6, r
PYTHON

# What is kept for --from-cache is the refined result, with its tracks.
digest "$out/sparse" >"$folder/first"
said 0 '6 photos' reconstruct "$photos" -o "$out" --overwrite --from-cache --refine ba --drop-percent 50
digest "$out/sparse" | cmp - "$folder/first" || fail "--from-cache lost the tracks"
said 0 "runs again: 'refine' differs" reconstruct "$photos" -o "$out" --overwrite --from-cache

# Photos that show nothing in common.
mkdir "$folder/two"
cp "$photos/DJI_0018.jpg" "$folder/two"
cp examples/scenes/hololens_loft/images/$(ls examples/scenes/hololens_loft/images | head -n 1) "$folder/two"
said 0 'warning: cameras were not refined: no two photos show the same places' \
  reconstruct "$folder/two" -o "$folder/none" --refine auto
[[ $(field "$folder/none/report.json" '["refinement"]["taken"]') == False ]] || fail "the report says it was taken"
said 2 'refine' reconstruct "$photos" -o "$folder/none" --refine perhaps

if ! command -v colmap >/dev/null; then
  ((failures)) && finish
  echo "no COLMAP: its part is left out"
  exit 77
fi
said 0 'refined' reconstruct "$photos" -o "$out" --overwrite --refine ba --text
mkdir "$folder/adjusted" "$folder/adjusted_text" "$folder/triangulated"

# COLMAP counts squares without a loss, so its minimum is another one than ours, but close by.
colmap bundle_adjuster --input_path "$out/sparse/0" --output_path "$folder/adjusted" >"$folder/log" 2>&1 ||
  fail "colmap bundle_adjuster: $(tail -n 3 "$folder/log")"
colmap model_converter --input_path "$folder/adjusted" --output_path "$folder/adjusted_text" --output_type TXT >>"$folder/log" 2>&1
python3 - "$out/sparse/0" "$folder/adjusted_text" "$folder/log" <<'PYTHON' || fail "COLMAP starts elsewhere, or moves far"
import math, re, sys

def images(folder):
    lines = [l for l in open(folder + "/images.txt") if not l.startswith("#")]
    return {l.split()[9]: [float(v) for v in l.split()[1:8]] for l in lines[::2]}

def points(folder):
    return [l.split() for l in open(folder + "/points3D.txt") if not l.startswith("#")]

ours, theirs = points(sys.argv[1]), points(sys.argv[2])
log = open(sys.argv[3]).read()
initial, final = (float(re.search(name + r" cost\s*:\s*([0-9.e+-]+)", log).group(1)) for name in ("Initial", "Final"))
# COLMAP prints the root of cost per residual, two of which make an observation; our points' errors are means of
# lengths, which bounds it from below.
mean = sum(float(p[7]) * (len(p) - 8) / 2 for p in ours) / sum((len(p) - 8) / 2 for p in ours)
print("points", len(ours), len(theirs), "cost", initial, final, "our mean error", mean)
assert len(theirs) >= 0.95 * len(ours)
assert 0.4 * mean < initial < 2 * mean
assert 0.9 * initial < final <= initial * (1 + 1e-6)
first, second = images(sys.argv[1]), images(sys.argv[2])
turns = []
for name, a in first.items():
    dot = abs(sum(x * y for x, y in zip(a[:4], second[name][:4])))
    turns.append(math.degrees(2 * math.acos(min(1.0, dot))))
print("largest turn, degrees", max(turns))
assert max(turns) < 1
PYTHON
cat "$folder/log" | grep -E "cost" | head -n 4

database=$folder/database.db
{ colmap feature_extractor --database_path "$database" --image_path "$photos" --SiftExtraction.use_gpu 0 \
  --SiftExtraction.max_num_features 2000 && \
  colmap exhaustive_matcher --database_path "$database" --SiftMatching.use_gpu 0 && \
  colmap point_triangulator --database_path "$database" --image_path "$photos" --input_path "$out/sparse/0" \
    --output_path "$folder/triangulated"; } >"$folder/log" 2>&1 || fail "colmap point_triangulator: $(tail -n 3 "$folder/log")"
[[ -s "$folder/triangulated/points3D.bin" ]] || fail "colmap point_triangulator wrote no points"
finish
