#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What 'vggt synth' writes, and that it replaces nothing that it did not make.
# Argument: the program.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"
out=$folder/out

small=(--scenes 2 --views 3 --size 37x29 --seed 5)
said 0 '2 scenes of 3 views' synth "${small[@]}" --preview -o "$out"
[[ -s "$out/preview.png" ]] || fail "no preview"
for scene in scene_0000 scene_0001; do
  grep -q opencv_world_to_camera "$out/$scene/cameras.json" || fail "$scene has no cameras"
  [[ $(ls "$out/$scene/images" | wc -l) -eq 3 && $(ls "$out/$scene/depth" | wc -l) -eq 3 ]] || fail "$scene lacks files"
  grep -q procedural "$out/$scene/SOURCE.md" || fail "$scene does not say where it is from"
done

# The same seed, the same bytes, also with another number of threads; a scene is named by its seed.
said 0 '1 scene of 3 views' synth --scenes 1 --views 3 --size 37x29 --seed 5 -o "$folder/again"
OMP_NUM_THREADS=1 said 0 '2 scenes' synth "${small[@]}" -o "$folder/one"
for file in cameras.json images/00001.jpg depth/00002.png; do
  cmp "$out/scene_0000/$file" "$folder/again/scene_0000/$file" || fail "$file differs"
  cmp "$out/scene_0001/$file" "$folder/one/scene_0001/$file" || fail "$file differs by threads"
done

# Photos as textures; PNG; every kind and rig.
said 0 '1 scene of 1 view' synth --scenes 1 --views 1 --size 20x30 --photos examples/scenes/brighton_beach/images \
  --format png -o "$folder/photos"
grep -q 'that of the photos' "$folder/photos/scene_0000/SOURCE.md" || fail "the photos' licence is not named"
[[ -s "$folder/photos/scene_0000/images/00000.png" ]] || fail "no PNG"
for kind in room object street corridor; do
  said 0 '1 scene' synth --scenes 1 --views 2 --size 24x16 --kind $kind --rig walk --clean -o "$folder/$kind"
done

said 0 "40 views" synth --scenes 1 --views 40 --size 16x16 --kind corridor --rig drive -o "$folder/loop"

# Of several sizes each scene takes one.
said 0 '8 scenes' synth --scenes 8 --views 1 --size 20x30,30x20 --format png --kind object -o "$folder/sizes"
for width in 20 30; do
  grep -qs "\"width\": $width" "$folder"/sizes/*/cameras.json || fail "no picture is $width wide"
done

# Nothing of others is replaced; what cannot be is named.
said 2 'overwrite' synth "${small[@]}" -o "$out"
said 0 '2 scenes' synth "${small[@]}" -o "$out" --overwrite
mkdir "$folder/mine"
touch "$folder/mine/letter.txt"
said 2 'letter.txt is none of the files of synthetic scenes' synth "${small[@]}" -o "$folder/mine" --overwrite
touch "$out/scene_0000/images/mine.jpg"
said 2 'mine.jpg is none of the files of synthetic scenes' synth "${small[@]}" -o "$out" --overwrite
[[ -f "$folder/mine/letter.txt" && -f "$out/scene_0000/images/mine.jpg" ]] || fail "a file of the user is gone"
while read -r option value pattern; do
  said 2 "$pattern" synth $option $value -o "$folder/x"
done <<'BAD'
--size big size: 'big'
--size 0x5 size: 0; must be
--size 5x99999999 size: 99999999; must be
--size 20x30, size: ''; must be
--size 20x30,0x9 size: 0; must be
--size 16384x16384 size, views: .* GB are free
--views 0 views: 0; must be
--views x --views = x
--views 1.5 --views = 1.5
--scenes 0 scenes: 0; must be
--scenes 99999 scenes: 99999; must be
--seed x --seed = x
--seed -3 seed: must be
--seed 99999999999999999999 seed: must be
--overlap 2 ^vggt: overlap: 2; must be
--overlap nan ^vggt: overlap: nan; must be
--spread 0 spread: 0; must be
--spread nan spread: nan; must be
--fov-min 170 fov-min, fov-max: 170 to 85
--fov-max 2 fov-min, fov-max: 40 to 2
--kind moon moon not in
--rig car car not in
--format gif gif not in
BAD
# What no scene fulfils ends, and says what to do.
said 2 '^vggt: overlap: 0.9 was not met by sparse .*ask for less' synth --scenes 1 --views 60 --size 16x16 --kind street \
  --rig sparse --spread 10 --overlap 0.9 -o "$folder/x"
said 1 'nowhere' synth --photos "$folder/nowhere" -o "$folder/x"
[[ ! -e "$folder/x" ]] || fail "a refused run leaves a folder"
said 0 'Examples' synth --help

# Interrupted, it leaves nothing, also not beside the folder.
mkdir "$folder/stop"
"$vggt" synth --scenes 5000 --views 2 --size 64x64 -o "$folder/stop/out" 2>/dev/null &
program=$!
for ((i = 0; i < 300; i++)); do
  [[ -n $(find "$folder/stop" -name cameras.json -print -quit) ]] && break
  sleep 0.1
done
[[ $i -lt 300 ]] || fail "no scene is written"
kill -TERM $program
wait $program
status=$?
[[ $status -eq 143 ]] || fail "interrupted, it ended with $status"
[[ -z $(ls -A "$folder/stop") ]] || fail "interrupted, it left $(ls -A "$folder/stop")"

# A preview of many scenes shows some of them.
said 0 '60 scenes' synth --scenes 60 --views 1 --size 32x20 --kind object --preview -o "$folder/many"
# Of 50: the height of the PNG is 50 * 2 * 204 = 79 * 256 + 176.
[[ $(od -An -tu1 -j20 -N4 "$folder/many/preview.png" | xargs) == "0 0 79 176" ]] || fail "a preview of 60 scenes"

finish
