#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the small files in tests/golden/{tiny,vggt_1b,mini,units,geometry,weight_rule} from full outputs of the
original model (facebookresearch/vggt, PyTorch 2.11 on a CPU), given as a folder of the same layout.

To keep this repository small: double becomes float32 but for cameras, tracks and geometry; tensors above a limit are
flattened and every k-th element is kept, the name then ends in "@k"; images that are exactly uint8 / 255 become
uint8. Needs numpy and safetensors.

  python3 tests/golden/make_model_golden.py <folder of full outputs> tests/golden
"""

import math
import pathlib
import shutil
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

LIMIT = 6000
KEEP_DOUBLE = ("pose_enc", "track_", "vis", "conf", "camera.", "track.iter", "track.final")
COPIES = ["tiny/config.json", "tiny/errors.json", "vggt_1b/config.json", "vggt_1b/errors.json", "mini/config.json",
          "geometry/rows.json", "weight_rule/vectors.json", "weight_rule/checksums_vggt_1b_seed0.json"]
AS_THEY_ARE = ["geometry", "units"]
THINNED = ["tiny/case_*", "tiny/intermediates_*", "vggt_1b/s?_392x518_truth"]


def thin(name, value):
    if name == "in.images":
        pixels = np.rint(value * 255).astype(np.uint8)
        same = np.array_equal(pixels.astype(np.float32) / np.float32(255), value)
        return {name + "@u8" if same else name: pixels if same else value}
    leaf = name.removeprefix("out.")
    exact = leaf.startswith(KEEP_DOUBLE) and "_conf" not in leaf
    if value.dtype == np.float64 and not exact:
        value = value.astype(np.float32)
    if value.size > LIMIT and not name.startswith("in."):
        step = -(-value.size // LIMIT)
        # Without a factor of usual sizes, so that all rows, columns and channels are met.
        while math.gcd(step, 2 * 3 * 5 * 7) > 1:
            step += 1
        return {f"{name}@{step}": value.reshape(-1)[::step]}
    return {name: value}


def main(source, target):
    for name in COPIES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    for folder in AS_THEY_ARE:
        (target / folder).mkdir(parents=True, exist_ok=True)
        for path in (source / folder).glob("*.safetensors"):
            shutil.copyfile(path, target / folder / path.name)
    for pattern in THINNED:
        for path in source.glob(pattern + ".safetensors"):
            out = {}
            with safe_open(path, "numpy") as file:
                for name in file.keys():
                    out.update(thin(name, file.get_tensor(name)))
            out = {name: np.ascontiguousarray(value) for name, value in out.items()}
            save_file(out, target / path.relative_to(source))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
