# SPDX-License-Identifier: Apache-2.0
# What the tests of the program in bash share. Sourced with the test's own argument, the program; from then on the working
# directory is the project's root, $vggt the program, $folder an empty folder that goes at the end.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

vggt=$1
folder=$(mktemp -d)
# Not in a child that is killed before it has become the program, which still has this trap.
trap '[[ $BASHPID -ne $$ ]] || rm -rf "$folder"' EXIT
failures=0
output=
status=0

# The test goes on, and fails at the end.
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# Nothing that follows would make sense.
give_up() {
  echo "FAILED: $*; the last exit code is $status, the last output: $(tail -c 600 <<<"$output")"
  exit 1
}

# said CODE PATTERN ARGUMENTS...: runs the program; the exit code, and a pattern that its output must match. Both stay in
# $status and $output.
said() {
  local code=$1 pattern=$2
  shift 2
  output=$("$vggt" "$@" 2>&1)
  status=$?
  [[ $status -eq $code ]] || fail "vggt $* ended with $status, not $code: $(tail -c 600 <<<"$output")"
  grep -qE -- "$pattern" <<<"$output" || fail "vggt $* did not say '$pattern' but: $(tail -c 600 <<<"$output")"
}

# One line per file of a folder, but for those named by find's further arguments.
digest() { (cd "$1" && find . -type f "${@:2}" -print0 | sort -z | xargs -0 sha256sum); }

# field FILE EXPRESSION: of a JSON file r, as Python writes it.
field() { python3 -c 'import json, sys; print(eval("r" + sys.argv[2], {"r": json.load(open(sys.argv[1]))}))' "$1" "$2"; }

finish() {
  if ((failures)); then
    echo "$failures failed"
    exit 1
  fi
  echo "passed"
}
