#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies from a folder of reference data what tests/accel/released_test.cpp and come_test.cpp read.

The data were made with the released code of FastVGGT (mystorm16/FastVGGT, a4dd237), LiteVGGT (GarlicBa/LiteVGGT-repo) and
Co-Me (co-me-tokens/CoMe, 25aa038; `a4`: 26a992d) on a CPU; `clean.*` with NumPy in float64 from the description of the
methods. Argument: the folder with fastvggt/, litevggt/ and come/.
"""
import json
import pathlib
import struct
import sys

MAP = ["metric", "dst_order", "src_order", "protected", "pairs", "tied_at_best", "margin_f64", "merged_src"]
VALUES = ["q", "q_merged"]
CLEAN = ["images_u8", "patch_tokens"] + [
    "clean." + name for name in ["psi", "anchor_of", "slot_of", "mass", "key_bias", "role", "q_merged", "margin"]]
FILES = {
    "fastvggt": {
        name: MAP + VALUES + ["random_draws"] for name in ["even_6x4_s3", "odd_7x5_s3", "oddw_5x6_s4", "oddh_6x5_s2"]
    } | {"real_37x28_s3": MAP + ["random_draws"]},
    "litevggt": {
        name: MAP + VALUES + CLEAN + ["info_map", "anchors"]
        for name in ["even_6x4_s3", "odd_7x5_s3", "oddw_5x6_s4", "oddh_6x5_s2", "shade_8x6_s2"]
    },
}

COME_CLEAN = ["clean.scene0." + name for name in [
    "flag", "anchor_of", "slot_of", "mass", "key_bias", "position", "frame_offsets",
    "attn_frame", "attn_global", "restored_global"]]
COME_MASKS = [f"mask_p{percent}" for percent in [0, 25, 50, 75, 100]]
COME_MODEL = ["in.images_u8", "confidence", "mask", "out.pose_enc", "out.depth"]
COME = {
    "predictor_w16": None,
    "predictor_w16_none": None,
    "predictor_b_1024_128": None,
    "predictor_a_1024_32": None,
    "unit_b2d_6x9_s3": ["confidence", "group_mean", "q", "k", "v"] + COME_MASKS + COME_CLEAN,
    "unit_b2d_6x9_s3_ties": ["confidence"] + COME_MASKS + COME_CLEAN[:7],
    "unit_clean_7x8_s3": ["confidence", "q", "k", "v"] + COME_CLEAN,
    "unit_a4_6x8_s3": ["confidence", "group_mean", "mask", "position"],
    "unit_a4_4x6_s2_p40": ["confidence", "group_mean", "mask", "position"],
    "model_s3_84x126_fused_f64": COME_MODEL + ["rev", "layer0.frame_out", "layer5.global_out", "infer_mask"],
    "model_s3_84x126_direct_f64": COME_MODEL + ["layer5.frame_out", "layer5.global_out"],
    "model_s3_84x126_fused_bf16": ["mask", "out.tokens_5"],
    "model_s2_126x84_p75_fused_f64": COME_MODEL + ["infer_mask"],
    "model_a4_s3_84x112": COME_MODEL + ["layer5.frame_out", "layer5.global_out"],
}


def thin(source, target, names):
    with open(source, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    kept, parts, end = {}, [], 0
    for name in names or [key for key in header if key != "__metadata__"]:
        entry = header[name]
        begin, stop = entry["data_offsets"]
        kept[name] = {**entry, "data_offsets": [end, end + stop - begin]}
        parts.append(data[begin:stop])
        end += stop - begin
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    target.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main():
    here = pathlib.Path(__file__).parent
    for method, files in FILES.items():
        (here / method).mkdir(exist_ok=True)
        for name, tensors in files.items():
            source = pathlib.Path(sys.argv[1]) / method / f"unit_{name}.safetensors"
            thin(source, here / method / f"{name}.safetensors", tensors)
    (here / "come").mkdir(exist_ok=True)
    for name, tensors in COME.items():
        thin(pathlib.Path(sys.argv[1]) / "come" / f"{name}.safetensors", here / "come" / f"{name}.safetensors", tensors)


if __name__ == "__main__":
    main()
