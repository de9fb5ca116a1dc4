#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, fill up during the run, or cannot be written: an error that says so, the old result as it was,
# nothing half-written. Needs mount: exit code 77 where that is not allowed. Arguments: the program.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

vggt=$1
folder=$(mktemp -d)
disk=$folder/disk
mkdir "$disk"
if ! mount -t tmpfs -o size=8m none "$disk" 2>/dev/null; then
  rm -rf "$folder"
  echo "SKIPPED: a small disk cannot be mounted here"
  exit 77
fi
trap 'umount "$disk"; rm -rf "$folder"' EXIT
photos=examples/scenes/brighton_beach/images
status=0
output=

fail() {
  echo "FAILED: $*; exit code $status, output: $output"
  exit 1
}

digest() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

# Too small from the start: said before the network runs.
output=$("$vggt" reconstruct "$photos" -o "$disk/out" 2>&1)
status=$?
[[ $status -eq 1 && "$output" == *"the disk has 0.01 GB free"* && "$output" != *aggregator* ]] || fail "a small disk"
[[ -z "$(ls -A "$disk")" ]] || fail "a small disk: left $(ls -A "$disk")"

# Full only while the results are written, beside an old result.
mount -o remount,size=200m "$disk"
"$vggt" reconstruct "$photos" -o "$disk/out" --max-images 2 >/dev/null 2>&1 || fail "the old result"
old=$(digest "$disk/out")
"$vggt" reconstruct "$photos" -o "$disk/out" --overwrite >"$folder/said" 2>&1 &
while kill -0 $! 2>/dev/null && ! grep -q '^aggregator' "$folder/said"; do sleep 0.01; done
fallocate -l "$(($(df --output=avail -B1 "$disk" | tail -1) - 100000))" "$disk/filler"
wait $!
status=$?
output=$(cat "$folder/said")
[[ $status -eq 1 && "$output" == *"$disk/out"* ]] || fail "a disk that fills up"
rm "$disk/filler"
[[ "$(digest "$disk/out")" == "$old" ]] || fail "a disk that fills up: the old result changed"
[[ "$(ls -A "$disk")" == out ]] || fail "a disk that fills up: left $(ls -A "$disk")"

# Read-only.
mount -o remount,ro "$disk"
output=$("$vggt" reconstruct "$photos" -o "$disk/new" 2>&1)
status=$?
[[ $status -eq 1 && "$output" == *"Read-only file system"* ]] || fail "a read-only disk"
output=$("$vggt" reconstruct "$photos" -o "$disk/out" --overwrite 2>&1)
status=$?
[[ $status -ne 0 && "$output" == *"Read-only file system"* ]] || fail "an old result on a read-only disk"
mount -o remount,rw "$disk"
[[ "$(digest "$disk/out")" == "$old" ]] || fail "a read-only disk: the old result changed"
echo "passed"
