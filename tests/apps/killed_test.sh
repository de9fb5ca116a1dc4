#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at twenty moments while an old result is replaced: at each the result is whole, the old one or the new one,
# and the next run leaves nothing beside it. Argument: the program. Working directory: the project's root.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"

photos=examples/scenes/brighton_beach/images

# But for what tells times.
results() { digest "$1" ! -name 'report.*' ! -name 'log.txt'; }

run() { "$vggt" reconstruct "$photos" -o "$folder/out" --max-images 2 "$@" >/dev/null 2>&1; }

run --drop-percent 50 || give_up "the first run"
old=$(results "$folder/out")
start=$(date +%s%N)
run --drop-percent 10 --overwrite || give_up "the second run"
duration=$((($(date +%s%N) - start) / 1000))
new=$(results "$folder/out")
[[ "$old" != "$new" ]] || give_up "both results are alike: nothing is tested"
run --drop-percent 50 --overwrite || give_up "the third run"

olds=0
news=0
for i in $(seq 20); do
  "$vggt" reconstruct "$photos" -o "$folder/out" --max-images 2 --drop-percent 10 --overwrite >/dev/null 2>&1 &
  # Evenly over the run, a little beyond its end, and at an uneven place in each part.
  pause=$((duration * (i - 1) / 18 + RANDOM * duration / 18 / 32768))
  sleep "$((pause / 1000000)).$(printf '%06d' $((pause % 1000000)))"
  kill -KILL $! 2>/dev/null
  wait $! 2>/dev/null
  field "$folder/out/report.json" '' >/dev/null || give_up "kill $i: report.json"
  case "$(results "$folder/out")" in
    "$old") olds=$((olds + 1)) ;;
    "$new")
      news=$((news + 1))
      run --drop-percent 50 --overwrite || give_up "kill $i: putting the old result back"
      ;;
    *) give_up "kill $i: the result is neither the old nor the new one" ;;
  esac
done
echo "killed after 20 moments in $((duration / 1000)) ms: $olds times the old result, $news times the new one"
((olds > 0)) || give_up "no kill came in time"

run --drop-percent 50 --overwrite || give_up "the last run"
[[ "$(ls -A "$folder")" == out ]] || give_up "something is left beside the result: $(ls -A "$folder")"
finish
