#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, fill up during the run, or cannot be written: an error that says so, the old result as it was,
# nothing half-written. Needs mount: exit code 77 where that is not allowed. Arguments: the program.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"

disk=$folder/disk
mkdir "$disk"
if ! mount -t tmpfs -o size=8m none "$disk" 2>/dev/null; then
  echo "SKIPPED: a small disk cannot be mounted here"
  exit 77
fi
trap '[[ $BASHPID -ne $$ ]] || { umount "$disk"; rm -rf "$folder"; }' EXIT
photos=examples/scenes/brighton_beach/images

# Too small from the start: said before the network runs.
output=$("$vggt" reconstruct "$photos" -o "$disk/out" 2>&1)
status=$?
[[ $status -eq 1 && "$output" == *"the disk has 0.01 GB free"* && "$output" != *aggregator* ]] || give_up "a small disk"
[[ -z "$(ls -A "$disk")" ]] || give_up "a small disk: left $(ls -A "$disk")"

# Full only while the results are written, beside an old result.
mount -o remount,size=200m "$disk"
"$vggt" reconstruct "$photos" -o "$disk/out" --max-images 2 >/dev/null 2>&1 || give_up "the old result"
old=$(digest "$disk/out")
"$vggt" reconstruct "$photos" -o "$disk/out" --overwrite >"$folder/said" 2>&1 &
while kill -0 $! 2>/dev/null && ! grep -q '^aggregator' "$folder/said"; do sleep 0.01; done
fallocate -l "$(($(df --output=avail -B1 "$disk" | tail -1) - 100000))" "$disk/filler"
wait $!
status=$?
output=$(cat "$folder/said")
[[ $status -eq 1 && "$output" == *"$disk/.out."*"No space left"* ]] || give_up "a disk that fills up"
rm "$disk/filler"
[[ "$(digest "$disk/out")" == "$old" ]] || give_up "a disk that fills up: the old result changed"
[[ "$(ls -A "$disk")" == out ]] || give_up "a disk that fills up: left $(ls -A "$disk")"

# Read-only.
mount -o remount,ro "$disk"
output=$("$vggt" reconstruct "$photos" -o "$disk/new" 2>&1)
status=$?
[[ $status -eq 1 && "$output" == *"Read-only file system"* ]] || give_up "a read-only disk"
output=$("$vggt" reconstruct "$photos" -o "$disk/out" --overwrite 2>&1)
status=$?
[[ $status -ne 0 && "$output" == *"Read-only file system"* ]] || give_up "an old result on a read-only disk"
mount -o remount,rw "$disk"
[[ "$(digest "$disk/out")" == "$old" ]] || give_up "a read-only disk: the old result changed"
finish
