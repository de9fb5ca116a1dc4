#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What 'vggt reconstruct' and 'vggt convert' do with a finished result: the cache, filters, dry runs, every format.
# Argument: the program. Working directory: the project's root.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

vggt=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
photos=$folder/photos
out=$folder/out
mkdir "$photos"
cp examples/scenes/brighton_beach/images/DJI_00{18,20,22}.jpg "$photos"

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# said CODE PATTERN ARGUMENTS...: the exit code, and a pattern that the output must match; keeps the output in $output.
said() {
  local code=$1 pattern=$2 status
  shift 2
  output=$("$vggt" "$@" 2>&1)
  status=$?
  [[ $status -eq $code ]] || fail "vggt $* ended with $status, not $code: $(tail -c 600 <<<"$output")"
  grep -qE -- "$pattern" <<<"$output" || fail "vggt $* did not say '$pattern' but: $(tail -c 600 <<<"$output")"
}

network_ran() { grep -q '^encoder' <<<"$output"; }

field() { python3 -c 'import json, sys; print(eval("r" + sys.argv[2], {"r": json.load(open(sys.argv[1]))}))' "$out/report.json" "$1"; }

# The cache: only filters and exports run, and give what a whole run gives.
said 0 '3 photos' reconstruct "$photos" -o "$folder/whole" --drop-percent 50
said 0 '3 photos' reconstruct "$photos" -o "$out"
network_ran || fail "the first run did not run the network"
said 0 '3 photos' reconstruct "$photos" -o "$out" --overwrite --from-cache --drop-percent 50
network_ran && fail "the network ran in spite of the cache"
cmp "$out/points.ply" "$folder/whole/points.ply" || fail "the cache gives other points than a whole run"
[[ "$(field '["from_cache"]')" == True ]] || fail "the report does not say that the network did not run"
said 2 'overwrite' reconstruct "$photos" -o "$out" --from-cache

# What decides the network's output is noticed.
said 0 "the network runs again: 'fit'" reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad
network_ran || fail "the network did not run again"
printf 'x' >>"$photos/DJI_0020.jpg"
said 0 'runs again: photo DJI_0020.jpg changed' reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad
rm "$photos/DJI_0022.jpg"
said 0 'runs again: there were 3 photos' reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad
cp models/mini.safetensors "$folder/other.safetensors"
said 0 'runs again: the weights changed' reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad \
  --weights "$folder/other.safetensors"
said 1 'report.json' reconstruct "$photos" -o "$folder/new" --from-cache

# Filters.
said 0 '100 points' reconstruct "$photos" -o "$out" --overwrite --max-points 100
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --normals
head -c 1000 "$out/points.ply" | grep -aq 'property float nx' || fail "--normals: none in points.ply"
all=$(field '["points"]')
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --edges 0.01
(($(field '["points"]') < all)) || fail "--edges leaves all points"
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --voxel 0.1
(($(field '["points"]') < all)) || fail "--voxel leaves all points"
said 2 'drop-percent' reconstruct "$photos" -o "$folder/new" --drop-percent 100

# A dry run writes nothing.
before=$(ls -AR "$folder" | sha256sum)
said 0 'time +about' reconstruct "$photos" -o "$folder/new" --dry-run
[[ "$output" == *"would read    2 photos"* && "$output" == *"memory"* ]] || fail "--dry-run says too little: $output"
said 0 'time +about' reconstruct "$photos" -o "$folder/not/yet/there" --dry-run
[[ "$(ls -AR "$folder" | sha256sum)" == "$before" ]] || fail "--dry-run wrote something"

# Nothing that is not ours is overwritten; results are no photos.
touch "$out/notes.txt"
said 2 'notes.txt is none of our files' reconstruct "$photos" -o "$out" --overwrite
said 2 'notes.txt is none of our files' reconstruct "$photos" -o "$out" --overwrite --dry-run
rm "$out/notes.txt"
cp -r "$out" "$photos/result"
said 0 '2 photos' reconstruct "$photos" --recursive -o "$out" --overwrite
rm -r "$photos/result"
ln -s nowhere "$photos/gone.jpg"
said 0 'left out: .*gone.jpg' reconstruct "$photos" -o "$out" --overwrite
rm "$photos/gone.jpg"
first=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["frames"][0]["file_path"])' "$folder/whole/transforms.json")
[[ "$first" == ../photos/DJI_0018.jpg ]] || fail "transforms.json of a first run says $first"

# Every format, without the network, and never over what is there.
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --text --predictions
for file in points.ply scene.glb transforms.json trajectory.tum predictions.safetensors report.html log.txt \
  sparse/0/cameras.txt depth/DJI_0018.png depth/DJI_0018.npy; do
  [[ -s "$out/$file" ]] || fail "no $file"
done
for format in ply glb tum npz; do
  said 0 "$format" convert "$out" --to $format -o "$folder/scene.$format"
  [[ -s "$folder/scene.$format" ]] || fail "convert --to $format made nothing"
  said 2 'overwrite' convert "$out" --to $format -o "$folder/scene.$format"
done
cmp "$out/points.ply" "$folder/scene.ply" || fail "convert changes the points"
cmp "$out/trajectory.tum" "$folder/scene.tum" || fail "convert changes the trajectory"
said 0 'colmap' convert "$out" --to colmap --text -o "$folder/model"
cmp "$out/sparse/0/images.txt" "$folder/model/images.txt" || fail "convert changes the COLMAP model"
said 0 'nerfstudio' convert "$out" --to nerfstudio -o "$folder/deep/in/nerfstudio"
photo=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["frames"][0]["file_path"])' \
  "$folder/deep/in/nerfstudio/transforms.json")
[[ -f "$folder/deep/in/nerfstudio/$photo" ]] || fail "transforms.json does not lead to the photo: $photo"
said 0 'ply' convert "$out" --to ply -o "$folder/scene.ply" --overwrite
cp "$folder/scene.ply" "$folder/mine.jpg"
said 2 'mine.jpg is no .ply file' convert "$out" --to ply -o "$folder/mine.jpg" --overwrite
said 2 'is no file of a colmap folder' convert "$out" --to colmap -o "$photos" --overwrite
[[ -f "$photos/DJI_0018.jpg" ]] || fail "convert --overwrite removed the photos"
said 1 'report.json' convert "$photos" --to ply -o "$folder/x.ply"
rm "$out/depth/DJI_0018.npy"
said 1 'DJI_0018.npy' convert "$out" --to npz -o "$folder/x.npz"
[[ ! -e "$folder/x.npz" ]] || fail "a failed conversion left a file"

if ((failures)); then
  echo "$failures failed"
  exit 1
fi
echo "passed"
