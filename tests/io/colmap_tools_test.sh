#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# COLMAP's own tools read a result of 'vggt reconstruct' and triangulate with its cameras.
#
#   colmap_tools_test.sh RESULT PHOTOS [MIN_POINTS]
#
# RESULT      a finished output folder
# PHOTOS      the photos it was made from
# MIN_POINTS  how many points COLMAP must triangulate from its own features (default 50)
# Exit code 77: colmap is not installed, nothing was tested.
set -euo pipefail

result=${1:?RESULT is missing}
photos=${2:?PHOTOS is missing}
min_points=${3:-50}
model="$result/sparse/0"

if ! command -v colmap >/dev/null; then
  echo "SKIPPED: colmap is not installed"
  exit 77
fi
export QT_QPA_PLATFORM=offscreen # its Qt needs no display then

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $1"
  exit 1
}

# run NAME COMMAND...: what it prints goes to $work/NAME.log and is shown if it fails.
run() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 || {
    tail -n 30 "$work/$name.log"
    fail "$name: $1 $2 returned an error"
  }
}

# The number after "LABEL:" in what model_analyzer printed.
printed() { sed -n "s/.*\b$2: *\([0-9][0-9.]*\).*/\1/p" "$work/$1.log" | head -n 1; }

expect_equal() { [[ "$2" == "$3" ]] || fail "$1: expected $2, got $3"; }

# The 64-bit count that each of the three files starts with.
count_in() { od -A n -t u8 -N 8 "$model/$1" | tr -d ' '; }

photo_count=$(find "$photos" -maxdepth 1 -type f \
  \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' \) | wc -l)

run analyze colmap model_analyzer --path "$model"
expect_equal "cameras" "$photo_count" "$(printed analyze Cameras)"
expect_equal "images" "$photo_count" "$(printed analyze Images)"
expect_equal "registered images" "$photo_count" "$(printed analyze 'Registered images')"
expect_equal "points" "$(count_in points3D.bin)" "$(printed analyze Points)"
expect_equal "track length" "1.000000" "$(printed analyze 'Mean track length')"

mkdir "$work/text"
run convert colmap model_converter --input_path "$model" --output_path "$work/text" --output_type TXT
for photo in "$photos"/*; do
  case "${photo,,}" in
  *.jpg | *.jpeg | *.png)
    grep -qF " ${photo##*/}" "$work/text/images.txt" || fail "images.txt lacks ${photo##*/}"
    ;;
  esac
done

run features colmap feature_extractor --database_path "$work/database.db" --image_path "$photos" \
  --SiftExtraction.use_gpu 0 --ImageReader.camera_model PINHOLE --ImageReader.single_camera_per_image 1

# COLMAP's reading of the photos' sizes against our cameras, by name. EXIF orientation included: both mean
# the picture as it is stored.
awk '!/^#/ {print $1, $3 " x " $4}' "$work/text/cameras.txt" >"$work/sizes"
awk '!/^#/ && NF == 10 && $10 !~ /^[0-9.-]+$/ {print $9, $10}' "$work/text/images.txt" >"$work/names"
sed -n 's/^ *Name: *//p' "$work/features.log" | sed 's/^.*\] *//' >"$work/seen_names"
sed -n 's/^ *Dimensions: *//p' "$work/features.log" >"$work/seen_sizes"
while IFS=$'\t' read -r name size; do
  camera=$(awk -v name="$name" '$2 == name {print $1}' "$work/names")
  [[ -n "$camera" ]] || continue # a name with spaces, which COLMAP's text cannot hold
  ours=$(awk -v camera="$camera" '$1 == camera {print $2, $3, $4}' "$work/sizes")
  expect_equal "size of $name" "$size" "$ours"
done < <(paste "$work/seen_names" "$work/seen_sizes")

run matches colmap exhaustive_matcher --database_path "$work/database.db" --SiftMatching.use_gpu 0

# Our points have one observation each and ids of our own: COLMAP starts from the cameras alone.
mkdir "$work/triangulated"
run triangulate colmap point_triangulator --database_path "$work/database.db" --image_path "$photos" \
  --input_path "$model" --output_path "$work/triangulated" --clear_points 1
run analyze_triangulated colmap model_analyzer --path "$work/triangulated"
points=$(printed analyze_triangulated Points)
error_px=$(printed analyze_triangulated 'Mean reprojection error')
echo "$photo_count photos, $(count_in points3D.bin) points; COLMAP triangulates $points points, mean error $error_px px"
((points >= min_points)) || fail "COLMAP triangulates $points points, fewer than $min_points"
echo "PASSED"
