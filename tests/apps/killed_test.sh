#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 at twenty moments while an old result is replaced: at each the result is whole, the old one or the new one,
# and the next run leaves nothing beside it. Argument: the program. Working directory: the project's root.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

vggt=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
photos=examples/scenes/brighton_beach/images

fail() {
  echo "FAILED: $*"
  exit 1
}

# One line per file of a result, but for those that tell times.
digest() { (cd "$1" && find . -type f ! -name 'report.*' ! -name 'log.txt' -print0 | sort -z | xargs -0 sha256sum); }

run() { "$vggt" reconstruct "$photos" -o "$folder/out" --max-images 2 "$@" >/dev/null 2>&1; }

run --drop-percent 50 || fail "the first run"
old=$(digest "$folder/out")
start=$(date +%s%N)
run --drop-percent 10 --overwrite || fail "the second run"
duration=$((($(date +%s%N) - start) / 1000))
new=$(digest "$folder/out")
[[ "$old" != "$new" ]] || fail "both results are alike: nothing is tested"
run --drop-percent 50 --overwrite || fail "the third run"

olds=0
news=0
for i in $(seq 20); do
  "$vggt" reconstruct "$photos" -o "$folder/out" --max-images 2 --drop-percent 10 --overwrite >/dev/null 2>&1 &
  # Evenly over the run, a little beyond its end, and at an uneven place in each part.
  pause=$((duration * (i - 1) / 18 + RANDOM * duration / 18 / 32768))
  sleep "$((pause / 1000000)).$(printf '%06d' $((pause % 1000000)))"
  kill -KILL $! 2>/dev/null
  wait $! 2>/dev/null
  python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$folder/out/report.json" || fail "kill $i: report.json"
  case "$(digest "$folder/out")" in
    "$old") olds=$((olds + 1)) ;;
    "$new")
      news=$((news + 1))
      run --drop-percent 50 --overwrite || fail "kill $i: putting the old result back"
      ;;
    *) fail "kill $i: the result is neither the old nor the new one" ;;
  esac
done
echo "killed after 20 moments in $((duration / 1000)) ms: $olds times the old result, $news times the new one"
((olds > 0)) || fail "no kill came in time"

run --drop-percent 50 --overwrite || fail "the last run"
[[ "$(ls -A "$folder")" == out ]] || fail "something is left beside the result: $(ls -A "$folder")"
echo "passed"
