#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vggt bench`: its report field by field, comparison, curves, and what it refuses. Argument: the program.
source "$(dirname "${BASH_SOURCE[0]}")/../support/shell.sh"

small=(bench --model mini --size 112x84)

# What is refused, before the work.
said 2 "stages: 'encodr' is none of encoder,.*attention" "${small[@]}" --stages encodr
said 2 'slow not in .*plain' "${small[@]}" --path slow
said 2 'scaling: a curve needs three' "${small[@]}" --scaling 1,2,2
said 2 'scaling' "${small[@]}" --scaling 1,2,3 --frames 2
said 2 'stages: point_head needs a model with a point head|no point_head' "${small[@]}" --stages point_head
said 2 'stages: reconstruct needs a model with a camera head and a depth head' \
  "${small[@]}" --heads camera --stages reconstruct
said 1 'none.json: cannot be read' "${small[@]}" --compare "$folder/none.json"
echo '{"machine": {"device": "x"}, "commit": "y", "results": [{"name": "encoder", "frames": 1}]}' >"$folder/short.json"
said 1 'short.json: result 0: path is missing' "${small[@]}" --compare "$folder/short.json"
echo 'not json' >"$folder/text.json"
said 1 'text.json: is not valid JSON' "${small[@]}" --compare "$folder/text.json"
said 2 'is read, too' "${small[@]}" --compare "$folder/short.json" --json "$folder/short.json"

# Both paths, stages and kernels.
stages=encoder,aggregator,camera_head,depth_head,reconstruct,attention,linear
said 0 'aggregator +\| +2 \| plain' "${small[@]}" --precision bf16 --frames 1,2 --path both --stages $stages --repeat 2 \
  --json "$folder/both.json"
grep -qE 'Peaks: .*GFLOP/s in fp32 \(.+\), memory .* GB/s \(.+\)' <<<"$output" || fail "bench did not say its peaks"
python3 - "$folder/both.json" <<'EOF' || fail "bench wrote a report with another schema: $(head -c 1500 "$folder/both.json")"
import json, sys
report = json.load(open(sys.argv[1]))
assert isinstance(report["commit"], str) and report["commit"], report["commit"]
machine = report["machine"]
assert isinstance(machine["device"], str) and machine["threads"] >= 1, machine
for kind in ("bf16_flop", "fp32_flop", "memory_bytes"):
    peak = machine["peaks"][kind]
    assert peak["per_second"] >= 0 and peak["by"], machine
assert machine["peaks"]["fp32_flop"]["per_second"] > 0 and machine["peaks"]["memory_bytes"]["per_second"] > 0, machine
tokens = 8 * 6 + 5
names = {"encoder", "aggregator", "camera_head", "depth_head", "reconstruct",
         "linear/qkv", "linear/proj", "linear/fc1", "linear/fc2"}
expected = {(name, frames, path) for name in names for frames in (1, 2) for path in ("fast", "plain")}
for path in ("fast", "plain"):
    expected |= {(f"attention/{frames}x{tokens}", frames, path) for frames in (1, 2)}
    expected.add((f"attention/1x{2 * tokens}", 2, path))
results = report["results"]
found = [(r["name"], r["frames"], r["path"]) for r in results]
assert set(found) == expected and len(found) == len(expected), sorted(set(found) ^ expected)
fields = {"name", "frames", "path", "runs", "median_s", "min_s", "p90_s", "flop", "bytes", "flop_per_s", "bytes_per_s",
          "limit", "share_of_limit", "peak_bytes", "layers_on_host", "speedup"}
by_key = {key: r for key, r in zip(found, results)}
for r in results:
    assert set(r) == fields, r
    assert 0 < r["min_s"] <= r["median_s"] <= r["p90_s"], r
    assert r["flop"] > 0 and r["bytes"] > 0 and r["peak_bytes"] > 10e6, r
    assert abs(r["flop_per_s"] * r["median_s"] / r["flop"] - 1) < 1e-9, r
    assert abs(r["bytes_per_s"] * r["median_s"] / r["bytes"] - 1) < 1e-9, r
    assert r["limit"] in ("compute", "memory") and r["share_of_limit"] > 0, r
    assert r["layers_on_host"] is False or machine["device"].find("sm_") >= 0, r
    assert r["runs"] == (7 if "/" in r["name"] else 2), r
    plain = by_key[r["name"], r["frames"], "plain"]
    assert abs(r["speedup"] * r["median_s"] / plain["median_s"] - 1) < 1e-9, (r, plain)
    assert r["flop"] == plain["flop"], (r, plain)
for frames in (1, 2):
    parts = [by_key[name, frames, "fast"] for name in ("encoder", "aggregator", "camera_head", "depth_head")]
    whole = by_key["reconstruct", frames, "fast"]
    assert abs(sum(r["flop"] for r in parts) / whole["flop"] - 1) < 1e-9
    assert whole["min_s"] > max(r["min_s"] for r in parts)
EOF

# One path has no speed-up; comparison with the report above.
said 0 'base / now' "${small[@]}" --precision bf16 --frames 2,3 --stages encoder,linear --repeat 1 --no-warm-up \
  --compare "$folder/both.json" --json "$folder/one.json"
for line in 'Base: .*both.json, .*, commit ' '\| encoder +\| +2 \| fast \|.*\|' 'Not in this run: .*depth_head, 1 frames, fast' \
  'Not in the base: encoder, 3 frames, fast; linear/qkv, 3 frames, fast'; do
  grep -qE "$line" <<<"$output" || fail "the comparison lacks '$line': $output"
done
[[ $(field "$folder/one.json" '["results"][0]["speedup"]') == None ]] || fail "a single path has a speed-up"

# Curves.
chart=()
"$vggt" bench --help | grep -qE '^ +--chart' && chart=(--chart "$folder/curves.png")
said 0 's / frame\^2' "${small[@]}" --scaling 4,1,2 --stages encoder,aggregator --repeat 1 "${chart[@]}" \
  --json "$folder/curves.json"
python3 - "$folder/curves.json" <<'EOF' || fail "bench --scaling wrote: $(tail -c 1500 "$folder/curves.json")"
import json, sys
report = json.load(open(sys.argv[1]))
assert [r["frames"] for r in report["results"] if r["name"] == "encoder"] == [1, 2, 4], report["results"]
assert [(s["name"], s["path"]) for s in report["scaling"]] == [("encoder", "fast"), ("aggregator", "fast")]
for scaling in report["scaling"]:
    for kind, field in (("seconds", "median_s"), ("bytes", "peak_bytes")):
        curve = scaling[kind]
        for r in report["results"]:
            if r["name"] != scaling["name"]:
                continue
            n = r["frames"]
            value = curve["constant"] + curve["linear"] * n + curve["quadratic"] * n * n
            assert abs(value / r[field] - 1) <= curve["farthest"] + 1e-9, (r, curve)
            assert abs(value / r[field] - 1) < 1e-6, "three points lie on their curve"
EOF
if [[ ${#chart[@]} -gt 0 ]]; then
  [[ $(head -c 4 "$folder/curves.png" | tail -c 3) == PNG ]] || fail "--chart wrote no PNG"
  said 2 'chart: shows the curves of --scaling' "${small[@]}" --chart "$folder/other.png"
  said 2 'must end in .png' "${small[@]}" --scaling 1,2,4 --chart "$folder/other.jpg"
fi

# Merged tokens against the whole attention.
said 2 "accel: 'htm' is none of none, auto, httm" "${small[@]}" accel --methods htm
said 2 'grid: ratio: .2. must be a number from' "${small[@]}" accel --methods grid --ratios 2
said 2 'bench accel needs --methods' "${small[@]}" accel
said 2 'are for vggt bench accel' "${small[@]}" --methods grid
said 2 "has no setting 'depth'" "${small[@]}" accel --methods grid --accel-options depth=2
said 0 'grid ratio=0.25 +\| +4 ' "${small[@]}" accel --methods grid,identity --ratios 1,0.25 --frames 2,4 --repeat 2 \
  --heads camera,depth --json "$folder/accel.json"
python3 - "$folder/accel.json" <<'EOF' || fail "bench accel wrote: $(tail -c 1500 "$folder/accel.json")"
import json, sys
results = json.load(open(sys.argv[1]))["results"]
assert [(r["method"], r["frames"]) for r in results] == [
    (method, frames) for frames in (2, 4) for method in ("none", "grid", "grid", "identity")], results
fields = {"name", "frames", "method", "settings", "runs", "median_s", "min_s", "p90_s", "speedup", "peak_bytes",
          "queries_kept", "keys_kept", "tokens_error", "pose_error", "depth_error", "merging", "encoder_s",
          "whole_speedup", "tokens"}
for r in results:
    has_ratio = {"ratio"} if r["method"] == "grid" else set()
    assert set(r) == fields | has_ratio, set(r) ^ fields
    assert r["runs"] == 2 and 0 < r["min_s"] <= r["median_s"] <= r["p90_s"], r
    exact = r["method"] in ("none", "identity") or r["settings"]["cell"] == "1"
    for error in ("tokens_error", "pose_error", "depth_error"):
        assert (r[error] == 0) == exact, r
    kept = 1 if exact else (5 + 12) / (5 + 48)
    assert abs(r["queries_kept"] - kept) < 1e-9 and abs(r["keys_kept"] - kept) < 1e-9, r
    assert abs(r["speedup"] * r["median_s"] / next(
        d for d in results if d["method"] == "none" and d["frames"] == r["frames"])["median_s"] - 1) < 1e-9
EOF

# Each method with and without the bias, what auto chooses, accuracy, and the table that auto then decides by.
said 0 'auto: dense: ' "${small[@]}" accel --methods auto --frames 2 --repeat 1 --heads camera,depth
said 0 'come bias=0 +\| +2 ' "${small[@]}" accel --methods grid,come --both-biases --scenes 2 --frames 2 --repeat 1 \
  --no-warm-up --heads camera,depth --json "$folder/both.json" --table "$folder/table.json"
python3 - "$folder/both.json" "$folder/table.json" <<'EOF' || fail "bench accel --both-biases: $(cat "$folder/table.json")"
import json, sys
results = json.load(open(sys.argv[1]))["results"]
assert [(r["method"], r["settings"].get("bias")) for r in results] == [
    ("none", None), ("grid", "1"), ("grid", "0"), ("come", "1"), ("come", "0")], results
for r in results:
    assert 0 <= r["auc_5"] <= r["auc_15"] <= r["auc_30"] <= 100 and r["depth_abs_rel"] > 0, r
    assert r["encoder_s"] > 0 and r["whole_speedup"] > 0
assert results[3]["keys_kept"] < 1 and results[3]["tokens_error"] > 0
table = json.load(open(sys.argv[2]))
assert len(table["speed"]) == 4 and all(line["tokens"] == results[0]["tokens"] for line in table["speed"])
for line in table["speed"]:  # what auto must then choose
    line["speedup"] = 3.0 if line["method"] == "grid" and line["settings"] == {} else 1.2
table["quality"] = [dict(line, quality=0.995, weights="x") for line in table["speed"]]
json.dump(table, open(sys.argv[2], "w"))
EOF
said 0 'auto: grid: 3 times as fast at 2 frames' "${small[@]}" accel --methods auto --frames 2 --repeat 1 \
  --heads camera,depth --accel-options "table=$folder/table.json"
said 0 'auto: dense: at 2 frames .* nothing that keeps 0.999' "${small[@]}" accel --methods auto --frames 2 --repeat 1 \
  --heads camera,depth --quality 0.999 --accel-options "table=$folder/table.json"
if [[ ${#chart[@]} -gt 0 ]]; then
  said 0 'grid' "${small[@]}" accel --methods grid --ratios 0.5,0.25 --frames 2 --repeat 1 --heads camera \
    --chart "$folder/pareto.png"
  [[ $(head -c 4 "$folder/pareto.png" | tail -c 3) == PNG ]] || fail "bench accel --chart wrote no PNG"
fi

# A number of frames that no memory holds is left out, with a reason.
said 0 'note: 100000 frames are left out: they would need about' \
  bench --model mini --scaling 1,2,3,100000 --stages encoder --repeat 1 --no-warm-up
finish
