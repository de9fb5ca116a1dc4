#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 'vggt view' where there is no display: its messages, and pictures that need none.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"
unset DISPLAY WAYLAND_DISPLAY
export XDG_CONFIG_HOME=$folder/config

photos=examples/scenes/hololens_loft/images
said 0 points reconstruct "$photos" --max-images 3 -o "$folder/out" || give_up "no result to look at"

said 1 'no display.*--screenshot' view "$folder/out"
said 0 a.png view "$folder/out" --screenshot "$folder/a.png" --size 320,240
said 0 k.png view "$folder/out" --screenshot "$folder/k.png" --camera 1
said 2 'not from 0 to 2' view "$folder/out" --screenshot "$folder/x.png" --camera 3
said 2 excludes view "$folder/out" --screenshot "$folder/x.png" --camera 1 --turntable 3
said 0 t_002.png view "$folder/out" --screenshot "$folder/t.png" --turntable 3 --size 160,120
said 2 '.png or .jpg' view "$folder/out" --screenshot "$folder/x.gif"
said 2 'one scene' view "$folder/out" "$folder/out" --screenshot "$folder/x.png"
for file in a.png k.png t_000.png t_001.png t_002.png; do
  [[ -s "$folder/$file" ]] || fail "$file was not written"
done
cmp -s "$folder/t_000.png" "$folder/t_001.png" && fail "the turntable does not turn"

# The same of what others make.
said 0 p.png view "$folder/out/points.ply" --screenshot "$folder/p.png"
said 0 c.png view "$folder/out/sparse/0" --screenshot "$folder/c.png"
said 0 j.png view "$folder/out/transforms.json" --screenshot "$folder/j.png"

# Thresholds of view.json are those of the picture, and a wrong one is named.
echo '{"drop_percent": 90}' >"$folder/out/view.json"
said 0 b.png view "$folder/out" --screenshot "$folder/b.png" --size 320,240
cmp -s "$folder/a.png" "$folder/b.png" && fail "view.json changed nothing"
echo '{"drop_percent": "many"}' >"$folder/out/view.json"
said 1 'view.json.*drop_percent' view "$folder/out" --screenshot "$folder/x.png"
rm "$folder/out/view.json"

# Broken, empty and half-written.
said 1 'no such file' view "$folder/none" --screenshot "$folder/x.png"
mkdir "$folder/empty"
said 1 'report.json' view "$folder/empty" --screenshot "$folder/x.png"
: >"$folder/empty.ply"
said 1 'empty.ply' view "$folder/empty.ply" --screenshot "$folder/x.png"
cp -r "$folder/out" "$folder/half"
truncate -s 100 "$folder/half/depth/"*63.npy
said 0 'warning: .*npy' view "$folder/half" --screenshot "$folder/h.png"
truncate -s 200 "$folder/half/report.json"
said 1 'report.json' view "$folder/half" --screenshot "$folder/x.png"
[[ -e "$folder/x.png" ]] && fail "a picture was written in spite of an error"

# A new result replaces one with a view.json, which is ours.
echo '{}' >"$folder/out/view.json"
said 0 points reconstruct "$photos" --max-images 3 -o "$folder/out" --overwrite

finish
