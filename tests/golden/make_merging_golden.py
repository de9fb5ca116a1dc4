#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies from a folder of reference data what tests/accel/released_test.cpp reads.

The data were made with the released code of FastVGGT (mystorm16/FastVGGT, a4dd237) and LiteVGGT (GarlicBa/LiteVGGT-repo) on
a CPU; `clean.*` with NumPy in float64 from the description of the methods. Argument: the folder with fastvggt/ and litevggt/.
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


def thin(source, target, names):
    with open(source, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    kept, parts, end = {}, [], 0
    for name in names:
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


if __name__ == "__main__":
    main()
