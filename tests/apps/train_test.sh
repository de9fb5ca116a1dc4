#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A training run from scratch: its loss falls by half, it survives kill -9, and goes on to the same curve. Argument: the
# program.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"
recipe=models/recipes/tiny.json

# The mean loss of log lines first..last, counted from 0; negative ones from the end.
loss() {
  python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
losses = [line["loss"] for line in lines if "loss" in line]
part = losses[int(sys.argv[2]):][:int(sys.argv[3])]
print(sum(part) / len(part))' "$@"
}

said 0 '150 steps' train "$recipe" -o "$folder/whole"
first=$(loss "$folder/whole/log.jsonl" 0 1)
last=$(loss "$folder/whole/log.jsonl" -1 1)
python3 -c 'import sys; sys.exit(not float(sys.argv[2]) < float(sys.argv[1]) / 2)' "$first" "$last" ||
  fail "the loss went from $first only to $last"

# Killed in the middle, and on from the last checkpoint.
"$vggt" train "$recipe" -o "$folder/killed" --checkpoint-minutes 0.05 >/dev/null 2>&1 &
while kill -0 $! 2>/dev/null && [[ ! -s "$folder/killed/checkpoint.safetensors" ]]; do sleep 0.05; done
kill -KILL $! || fail "the run ended before it could be killed"
wait $! 2>/dev/null
said 2 'add --resume' train "$recipe" -o "$folder/killed"
said 0 'going on after [1-9][0-9]* steps' train "$recipe" -o "$folder/killed" --resume
again=$(loss "$folder/killed/log.jsonl" -1 1)
python3 -c 'import sys; a, b = map(float, sys.argv[1:]); sys.exit(not abs(a - b) < 0.02 * b)' "$again" "$last" ||
  fail "a run that was killed ends at $again, one that was not at $last"
[[ $(grep -c '"loss"' "$folder/killed/log.jsonl") -eq $(grep -c '"loss"' "$folder/whole/log.jsonl") ]] || fail "the log lacks steps, or has some twice"

# Steps that cannot be learned from are left out and said; where none is left the run ends.
sed 's/"learning_rate": 0.001/"learning_rate": 1e30/' "$recipe" >"$folder/wild.json"
said 1 'try a smaller learning rate' train "$folder/wild.json" -o "$folder/wild"
grep -q 'left out: its .* is not finite' <<<"$output" || fail "steps that were left out were not said: $output"
grep -q '"skipped"' "$folder/wild/log.jsonl" || fail "the log does not tell of steps that were left out"

# A recipe may begin with weights.
sed -e "s|\"seed\": 1|\"seed\": 1, \"weights\": \"$folder/whole/model.safetensors\"|" -e 's/"steps": 150/"steps": 20/' "$recipe" \
  >"$folder/begin.json"
said 0 '20 steps' train "$folder/begin.json" -o "$folder/begun"
begun=$(loss "$folder/begun/log.jsonl" 0 1)
python3 -c 'import sys; sys.exit(not float(sys.argv[2]) < 0.75 * float(sys.argv[1]))' "$first" "$begun" ||
  fail "a run with weights begins with a loss of $begun, one without with $first"
sed "s|\"seed\": 1|\"seed\": 1, \"weights\": \"nowhere\"|" "$recipe" >"$folder/nowhere.json"
said 1 'nowhere' train "$folder/nowhere.json" -o "$folder/nowhere"

# Killed before the first checkpoint: the same command begins anew, and so does --resume.
mkdir "$folder/early"
cp "$folder/whole/recipe.json" "$folder/early"
echo '{"step":1,"loss":2' >"$folder/early/log.jsonl"
said 0 'trained' train "$recipe" -o "$folder/early" --resume --minutes 0.02
mkdir "$folder/strange"
cp "$folder/whole/recipe.json" "$folder/strange"
touch "$folder/strange/notes.txt"
said 2 'not an empty folder' train "$recipe" -o "$folder/strange"

# Two at a time.
"$vggt" train "$recipe" -o "$folder/twice" --checkpoint-minutes 0.05 >/dev/null 2>&1 &
while kill -0 $! 2>/dev/null && [[ ! -s "$folder/twice/checkpoint.safetensors" ]]; do sleep 0.05; done
said 2 'written by another training' train "$recipe" -o "$folder/twice" --resume
kill -KILL $!
wait $! 2>/dev/null
sed 's/"steps": [0-9]*/"steps": 1/' "$recipe" >"$folder/short.json"
said 2 'give it more steps' train "$folder/short.json" -o "$folder/killed" --resume

grep -q '"validation"' "$folder/killed/log.jsonl" || fail "held-out scenes were not scored"

said 0 'safetensors' inspect "$folder/whole/model.safetensors"
echo '{"stebs": 1}' >"$folder/wrong.json"
said 2 'wrong.json: there is no field stebs' train "$folder/wrong.json" -o "$folder/new"
sed 's/"seed": 1/"seed": 2/' "$recipe" >"$folder/other.json"
said 2 'another one than the checkpoint' train "$folder/other.json" -o "$folder/killed" --resume
sed 's/"textures": 32/"textures": 32, "photos": "nowhere"/' "$recipe" >"$folder/photos.json"
said 2 'data.photos.*nowhere' train "$folder/photos.json" -o "$folder/photos"
[[ ! -e "$folder/photos" ]] || fail "a run that did not begin left a folder"
said 2 'no checkpoint' train "$recipe" -o "$folder/new" --resume

# What Co-Me needs, of the model above.
sed 's/"steps": 150/"steps": 20, "come": {"width": 16}/' "$recipe" >"$folder/come.json"
said 0 '20 steps, .*: .*come/predictor.safetensors' train "$folder/come.json" --distil come \
  --teacher "$folder/whole/model.safetensors" -o "$folder/come"
[[ $(grep -c 'pairs right' "$folder/come/log.jsonl") -gt 0 ]] || fail "the log does not say how many pairs are right"
[[ ! -e "$folder/come/model.safetensors" ]] || fail "distilling left a model"
said 2 'holds a run: add --resume' train "$folder/come.json" --distil come -o "$folder/come" \
  --teacher "$folder/whole/model.safetensors"
sed 's/"steps": 20/"steps": 24/' "$folder/come.json" >"$folder/longer.json"
said 0 'going on after 20 steps' train "$folder/longer.json" --distil come -o "$folder/come" --resume \
  --teacher "$folder/whole/model.safetensors"
said 2 'teacher: is for --distil' train "$recipe" --teacher x -o "$folder/new"
said 2 'begins anew, from --teacher' train "$recipe" --distil come --weights x -o "$folder/new"
finish
