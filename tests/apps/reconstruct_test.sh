#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What 'vggt reconstruct' and 'vggt convert' do with a finished result: the cache, filters, dry runs, every format.
# Arguments: the program, and write_video. Working directory: the project's root.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"

photos=$folder/photos
out=$folder/out
mkdir "$photos"
cp examples/scenes/brighton_beach/images/DJI_00{18,20,22}.jpg "$photos"

network_ran() { grep -q '^encoder' <<<"$output"; }

# The cache: only filters and exports run, and give what a whole run gives.
said 0 '3 photos' reconstruct "$photos" -o "$folder/whole" --drop-percent 50
said 0 '3 photos' reconstruct "$photos" -o "$out"
network_ran || fail "the first run did not run the network"
said 0 '3 photos' reconstruct "$photos" -o "$out" --overwrite --from-cache --drop-percent 50
network_ran && fail "the network ran in spite of the cache"
cmp "$out/points.ply" "$folder/whole/points.ply" || fail "the cache gives other points than a whole run"
[[ "$(field "$out/report.json" '["from_cache"]')" == True ]] || fail "the report does not say that the network did not run"
said 2 'overwrite' reconstruct "$photos" -o "$out" --from-cache

# What decides the network's output is noticed.
said 0 "the network runs again: 'fit'" reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad
network_ran || fail "the network did not run again"
said 0 "the network runs again: 'accel' differs" reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad \
  --accel keys-grid --accel-options cell=3
[[ $(field "$out/report.json" '["model"]["accel"]["settings"]["cell"]') == 3 ]] || fail "the report does not say how it merged"
(($(field "$out/report.json" '["merging"]["layers"][0]["key_slots"]') < \
  $(field "$out/report.json" '["merging"]["layers"][0]["tokens"]'))) || fail "the report does not count merged tokens"
said 2 "accel: grid: cell: '0' must be a whole number" reconstruct "$photos" -o "$folder/none" --accel grid \
  --accel-options cell=0
printf 'x' >>"$photos/DJI_0020.jpg"
said 0 'runs again: photo DJI_0020.jpg changed' reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad \
  --accel keys-grid --accel-options cell=3
rm "$photos/DJI_0022.jpg"
said 0 'runs again: there were 3 photos' reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad \
  --accel keys-grid --accel-options cell=3
cp models/mini.safetensors "$folder/other.safetensors"
said 0 'runs again: the weights changed' reconstruct "$photos" -o "$out" --overwrite --from-cache --fit pad \
  --weights "$folder/other.safetensors"
said 1 'report.json' reconstruct "$photos" -o "$folder/new" --from-cache

# Filters.
said 0 '100 points' reconstruct "$photos" -o "$out" --overwrite --max-points 100
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --normals
head -c 1000 "$out/points.ply" | grep -aq 'property float nx' || fail "--normals: none in points.ply"
all=$(field "$out/report.json" '["points"]')
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --edges 0.01
(($(field "$out/report.json" '["points"]') < all)) || fail "--edges leaves all points"
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --from-cache --consistent 1 --consistent-within 0.1
(($(field "$out/report.json" '["points"]') < all)) || fail "--consistent leaves all points"
said 0 'points' reconstruct "$photos" -o "$out" --overwrite --voxel 0.1
(($(field "$out/report.json" '["points"]') < all)) || fail "--voxel leaves all points"
said 2 'drop-percent: Value 100 not in range 0 to 99.9$' reconstruct "$photos" -o "$folder/new" --drop-percent 100

said 2 'consistent-within' reconstruct "$photos" -o "$folder/new" --consistent-within 1
said 2 'edges: Value nan not in range 0 to 100$' reconstruct "$photos" -o "$folder/new" --edges nan

# A dry run writes nothing.
before=$(ls -AR "$folder" | sha256sum)
said 0 'time +about' reconstruct "$photos" -o "$folder/new" --dry-run
[[ "$output" == *"network "*"GB: program"*"weights"*"kept layers"* ]] || fail "--dry-run lacks the memory plan: $output"
[[ "$output" == *"would read    2 photos"* && "$output" == *"memory"* ]] || fail "--dry-run says too little: $output"
said 0 'time +about' reconstruct "$photos" -o "$folder/not/yet/there" --dry-run
[[ "$(ls -AR "$folder" | sha256sum)" == "$before" ]] || fail "--dry-run wrote something"

# A limit on memory: kept, with what would fit, or refused before the work.
said 2 'memory: 2 photos need about .* 0\.20 GB may be used' reconstruct "$photos" -o "$folder/new" --max-memory 200MB
said 2 'weights of .* need' reconstruct "$photos" -o "$folder/new" --max-memory 1MB
said 2 'max-memory' reconstruct "$photos" -o "$folder/new" --max-memory much
[[ ! -e "$folder/new" ]] || fail "a refused run left something"
said 0 'memory plan: .* 2\.00 GB may be used' reconstruct "$photos" -o "$folder/limited" --max-memory 2GB --verbose
[[ $(field "$folder/limited/report.json" '["peak_memory_bytes"]') -lt 2000000000 ]] || fail "--max-memory was not kept"

# A video: frames evenly from it, of which only those taken stay.
"$2" examples/scenes/hololens_loft/images "$folder/walk.avi" || fail "no video"
said 0 '3 photos' reconstruct "$folder/walk.avi" -o "$folder/video" --every 4 --max-images 3
[[ $(ls "$folder/video/frames" | wc -l) -eq 3 ]] || fail "frames that were not taken stay: $(ls "$folder/video/frames")"
frame=$(field "$folder/video/transforms.json" '["frames"][0]["file_path"]')
[[ -f "$folder/video/$frame" ]] || fail "transforms.json does not lead to the frame: $frame"
said 2 'every excludes|fps excludes' reconstruct "$folder/walk.avi" -o "$folder/new" --every 4 --fps 2
said 2 'are for videos, and there is none' reconstruct "$photos" -o "$folder/new" --max-frames 4

# Known cameras: the result is in their world, which the cache keeps; faults are said before the network runs.
known=examples/scenes/brighton_beach/cameras.json
units() { field "$folder/known/report.json" '["units"]'; }
said 0 'poses of 2 photos are known' reconstruct "$photos" -o "$folder/known" --poses "$known" --intrinsics "$known"
[[ $(units) == 'units of the known poses' ]] || fail "--poses: the units are $(units)"
[[ $(field "$folder/known/report.json" '["known"]["intrinsics"]["photos"]') == 2 ]] || fail "--intrinsics of how many?"
said 0 '2 photos' reconstruct "$photos" -o "$folder/known" --overwrite --from-cache --poses "$known" --intrinsics "$known"
network_ran && fail "the network ran in spite of the cache of known cameras"
[[ $(units) == 'units of the known poses' ]] || fail "the cache forgot the units: $(units)"
said 0 "'known' differs" reconstruct "$photos" -o "$folder/known" --overwrite --from-cache \
  --scale-from DJI_0018.jpg DJI_0020.jpg 12.5
[[ $(units) == metres ]] || fail "--scale-from: the units are $(units)"
said 2 'scale-from: there is no photo b.jpg' reconstruct "$photos" -o "$folder/new" --scale-from DJI_0018.jpg b.jpg 2
said 2 'intrinsics: must be .* it is 3,4' reconstruct "$photos" -o "$folder/new" --intrinsics 3,4
said 1 'has a camera for none of the photos' reconstruct "$photos" -o "$folder/new" \
  --poses examples/scenes/hololens_loft/cameras.json
network_ran && fail "the network ran before the poses were looked at"

# Nothing that is not ours is overwritten; results are no photos.
touch "$out/notes.txt"
said 2 'notes.txt is none of the files' reconstruct "$photos" -o "$out" --overwrite
said 2 'notes.txt is none of the files' reconstruct "$photos" -o "$out" --overwrite --dry-run
rm "$out/notes.txt"
for foreign in depth/mine.npy sparse/1/cameras.bin depth/deep/notes.txt; do
  mkdir -p "$(dirname "$out/$foreign")"
  touch "$out/$foreign"
  said 2 'is none of the files' reconstruct "$photos" -o "$out" --overwrite
  [[ -e "$out/$foreign" ]] || fail "$foreign was lost"
  rm -r "$out/$foreign"
done
rm -r "$out/sparse/1" "$out/depth/deep"
mkdir "$folder/out.old-backup" "$folder/out.partial-notes"
cp -r "$out" "$photos/result"
said 0 '2 photos' reconstruct "$photos" --recursive -o "$out" --overwrite
rm -r "$photos/result"
ln -s nowhere "$photos/gone.jpg"
said 0 'left out: .*gone.jpg' reconstruct "$photos" -o "$out" --overwrite
rm "$photos/gone.jpg"
first=$(field "$folder/whole/transforms.json" '["frames"][0]["file_path"]')
[[ "$first" == ../photos/DJI_0018.jpg ]] || fail "transforms.json of a first run says $first"

# A photo that changes while it is read is left out; a folder that vanishes makes the run fail.
mkdir "$folder/changing"
cp "$photos/DJI_0018.jpg" "$folder/changing/a.jpg"
cp "$photos/DJI_0020.jpg" "$folder/changing/b.jpg"
while :; do printf x >>"$folder/changing/b.jpg"; done &
said 0 'left out: .*b.jpg: changed while it was read' reconstruct "$folder/changing" -o "$folder/changed"
said 1 'b.jpg: changed while it was read' reconstruct "$folder/changing" --strict -o "$folder/new"
kill $!
"$vggt" reconstruct examples/scenes/hololens_loft/images -o "$folder/gone/out" >"$folder/gone.txt" 2>&1 &
while kill -0 $! 2>/dev/null && ! grep -q '^aggregator' "$folder/gone.txt"; do sleep 0.01; done
rm -r "$folder/gone"
wait $! && fail "a run ended well though its folder vanished"
grep -q "$folder/gone/out: what was being written for it, .* was removed" "$folder/gone.txt" || fail "a folder that vanished: $(tail -2 "$folder/gone.txt")"
[[ -z "$(ls -A "$folder/gone")" ]] || fail "a folder that vanished: left $(ls -A "$folder/gone")"

rmdir "$folder/out.old-backup" "$folder/out.partial-notes" || fail "a folder of the user's was removed"

# Masks: what is not white gives no points; a mask that cannot be read leaves its photo out.
mkdir "$folder/masks"
python3 - "$folder/masks" <<'EOM'
import struct, sys, zlib
def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
def png(path, left):
    rows = b"".join(b"\0" + bytes([left] * 320 + [255] * 320) for _ in range(360))
    header = struct.pack(">IIBBBBB", 640, 360, 8, 0, 0, 0, 0)
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
png(sys.argv[1] + "/DJI_0018.png", 0)
png(sys.argv[1] + "/DJI_0020.png", 255)
EOM
said 0 '2 photos' reconstruct "$photos" -o "$folder/all" --drop-percent 0
said 0 '2 photos' reconstruct "$photos" -o "$folder/masked" --drop-percent 0 --masks "$folder/masks"
whole=$(field "$folder/all/report.json" '["photos"][0]["points"]')
half=$(field "$folder/masked/report.json" '["photos"][0]["points"]')
((half * 2 > whole * 9 / 10 && half * 2 < whole * 11 / 10)) || fail "half a mask leaves $half of $whole points"
[[ $(field "$folder/masked/report.json" '["photos"][1]["points"]') -eq \
  $(field "$folder/all/report.json" '["photos"][1]["points"]') ]] || fail "a white mask takes points away"
echo text >"$folder/masks/DJI_0020.png"
said 0 'left out: its mask .*DJI_0020.png' reconstruct "$photos" -o "$folder/masked" --overwrite --masks "$folder/masks"
[[ $(field "$folder/masked/report.json" '["skipped"][0]["path"]') == *DJI_0020.jpg ]] || fail "the photo is not counted"
said 1 'DJI_0020.png' reconstruct "$photos" -o "$folder/new" --strict --masks "$folder/masks"

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
photo=$(field "$folder/deep/in/nerfstudio/transforms.json" '["frames"][0]["file_path"]')
[[ -f "$folder/deep/in/nerfstudio/$photo" ]] || fail "transforms.json does not lead to the photo: $photo"
touch "$folder/.scene.ply.vggt-partial-999999999" "$folder/.scene.ply.vggt-partial-notes"
said 0 'ply' convert "$out" --to ply -o "$folder/scene.ply" --overwrite
[[ ! -e "$folder/.scene.ply.vggt-partial-999999999" && -e "$folder/.scene.ply.vggt-partial-notes" ]] ||
  fail "convert does not clean up after one that was killed, or after others: $(ls -A "$folder")"
cp "$folder/scene.ply" "$folder/mine.jpg"
said 2 'mine.jpg is no .ply file' convert "$out" --to ply -o "$folder/mine.jpg" --overwrite
said 2 'is none of the files of a colmap folder' convert "$out" --to colmap -o "$photos" --overwrite
said 2 'transforms.json is none of the files of a colmap' convert "$out" --to colmap -o "$folder/deep/in/nerfstudio" --overwrite
[[ -f "$photos/DJI_0018.jpg" ]] || fail "convert --overwrite removed the photos"
said 1 'report.json' convert "$photos" --to ply -o "$folder/x.ply"
rm "$out/depth/DJI_0018.npy"
said 1 'DJI_0018.npy' convert "$out" --to npz -o "$folder/x.npz"
[[ ! -e "$folder/x.npz" ]] || fail "a failed conversion left a file"

# Merging, of photos of mixed sizes and of one alone. Co-Me's predictor lies beside the bundled model; of other weights
# it has to be made.
mkdir "$folder/mixed" "$folder/one"
cp examples/scenes/brighton_beach/images/DJI_00{18,20}.jpg tests/golden/photos/portrait_240x360.jpg "$folder/mixed"
cp examples/scenes/brighton_beach/images/DJI_0018.jpg "$folder/one"
for method in come httm litevggt fastvggt window-keys auto; do
  said 0 '3 photos' reconstruct "$folder/mixed" -o "$folder/mixed-$method" --accel $method
  said 0 '1 photo' reconstruct "$folder/one" -o "$folder/one-$method" --accel $method
done
(($(field "$folder/mixed-come/report.json" '["merging"]["layers"][0]["key_slots"]') < \
  $(field "$folder/mixed-come/report.json" '["merging"]["layers"][0]["tokens"]'))) || fail "Co-Me merges nothing"
[[ $(field "$folder/one-auto/report.json" '["merging"]["reason"]') == dense:* ]] || fail "auto does not say why it merges nothing"
[[ $(field "$folder/one-auto/report.json" '["model"]["accel"]["settings"]["quality"]') == 0.99 ]] || fail "auto does not say its quality"
said 2 "vggt train models/recipes/come.json --distil come --teacher $folder/other.safetensors" reconstruct "$folder/one" \
  -o "$folder/none" --weights "$folder/other.safetensors" --accel come
said 2 'auto: quality: .1.5. must be a number from 0 to 1' reconstruct "$folder/one" -o "$folder/none" --accel auto --quality 1.5

finish
