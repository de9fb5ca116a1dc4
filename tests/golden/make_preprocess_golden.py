#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/preprocess: pictures, and what the original Python loader makes of them.

Origin. The runs were recorded with load_and_preprocess_images and load_and_preprocess_images_square of
facebookresearch/vggt and Pillow 13.0 (libjpeg-turbo 3.2): a folder with index.json, images/ and one
<run>.safetensors each, whose `u8` [n, 3, H, W] is the network input times 255. Those are large, so what is
kept of a run is its shape, byte sum and 64-bit FNV-1a hash in expected.json, and the pixels of a few runs as
<run>_<i>.png to look at when a test fails. This script adds pictures of rarer PNG kinds and a CMYK JPEG, what
Pillow makes of them by the original loader's rule, and Pillow's bicubic resize of pseudo-random pictures.

    make_preprocess_golden.py RECORDED_FOLDER tests/golden/preprocess      (numpy, pillow, safetensors)
"""

import json
import pathlib
import shutil
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps
from safetensors.numpy import load_file

RUNS_KEPT_AS_PIXELS = ["crop_rgba", "crop_rgb_wide", "crop_jpeg_420"]
RESIZES = [  # height, width -> new height, new width
    (1, 1, 5, 7), (3, 2, 1, 1), (7, 300, 7, 20), (300, 7, 20, 7), (40, 60, 40, 60), (61, 83, 200, 31),
    (61, 83, 31, 200), (97, 131, 98, 130), (480, 640, 392, 518),
    (1500, 20, 14, 518), (600, 240, 560, 224), (400, 520, 392, 518), (300, 200, 200, 150), (301, 200, 200, 150), (5, 1400, 14, 14),
]


def fnv1a(array):
    value = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(array).tobytes():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def summary(array):
    assert array.dtype == np.uint8
    return {"shape": list(array.shape), "sum": int(array.astype(np.int64).sum()), "fnv1a": fnv1a(array)}


def noise(height, width):
    """The same numbers as in the test: a linear congruential generator's high bytes."""
    state, values = 1, bytearray()
    for _ in range(height * width * 3):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(state >> 24)
    return np.frombuffer(bytes(values), np.uint8).reshape(height, width, 3)


def png(width, height, depth, colour_type, rows, extra=()):
    """A PNG of any kind from its packed rows; Pillow cannot write most 16-bit kinds."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
            + b"".join(chunk(kind, content) for kind, content in extra)
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def write_rare_pictures(folder):
    width, height = 16, 12
    y, x = np.mgrid[0:height, 0:width]
    grey16 = (x * 4000 + y * 300 + 77).astype(np.uint16)
    alpha16 = ((x * 16 + y) * 257).astype(np.uint16)
    colour16 = np.stack([grey16, grey16[::-1], 65535 - grey16], 2)
    grey8 = (grey16 >> 8).astype(np.uint8)
    grey4 = ((x + y) % 16).astype(np.uint8)

    def wide(array):
        return [row.astype(">u2").tobytes() for row in array]

    def narrow(array):
        return [row.astype(np.uint8).tobytes() for row in array]

    def nibbles(array):
        return [bytes(a << 4 | b for a, b in zip(row[::2], row[1::2])) for row in array]

    def key(*values):
        return [(b"tRNS", struct.pack(f">{len(values)}H", *values))]

    pictures = {
        "grey16_key.png": png(width, height, 16, 0, wide(grey16), key(int(grey16[3, 5]))),
        "grey8_key.png": png(width, height, 8, 0, narrow(grey8), key(int(grey8[3, 5]))),
        "grey4_key.png": png(width, height, 4, 0, nibbles(grey4), key(9)),
        "grey1.png": png(width, height, 1, 0, [np.packbits(row % 2).tobytes() for row in grey4]),
        "la16.png": png(width, height, 16, 4, wide(np.stack([grey16, alpha16], 2))),
        "rgba16.png": png(width, height, 16, 6, wide(np.concatenate([colour16, alpha16[..., None]], 2))),
        "rgb8_key.png": png(width, height, 8, 2, narrow(colour16 >> 8), key(*(int(v) >> 8 for v in colour16[3, 5]))),
        # A profile that is none: libpng would warn, Pillow does not look.
        "rgb8_bad_profile.png": png(width, height, 8, 2, narrow(colour16 >> 8),
                                    [(b"iCCP", b"icc\0\0" + zlib.compress(b"no profile"))]),
        "palette.png": png(width, height, 8, 3, narrow(grey4), [(b"PLTE", bytes(range(48)))]),
    }
    for name, content in pictures.items():
        (folder / name).write_bytes(content)
    (folder / "too_large.png").write_bytes(png(40000, 40000, 8, 2, [b""]))
    Image.fromarray(noise(12, 16)).convert("CMYK").save(folder / "cmyk.jpg")
    # What should be seen, where Pillow does not show it: the high byte, and transparent pixels white.
    high = np.where(grey16 == grey16[3, 5], 255, grey16 >> 8).astype(np.uint8)
    widened = np.where(grey4 == 9, 255, grey4 * 17).astype(np.uint8)
    seen = {"grey16_key.png": high, "grey4_key.png": widened}
    return sorted(pictures), {name: np.stack([grey] * 3, 2) for name, grey in seen.items()}


def blended(image):
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def like_original(path):
    image = Image.open(path)
    return np.asarray(blended(image) if image.mode == "RGBA" else image.convert("RGB"))


def as_seen(path):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "I;16":
        return np.stack([(np.asarray(image) >> 8).astype(np.uint8)] * 3, 2)
    return np.asarray(blended(image))


def main(recorded, out):
    assert PIL.__version__.startswith("13."), "older versions order the passes of a resize differently"
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    for source in sorted((recorded / "images").iterdir()):
        shutil.copyfile(source, images / source.name)
    index = json.loads((recorded / "index.json").read_text())
    runs, decoded = [], {}
    for name, run in index["runs"].items():
        entry = {"name": name, "mode": run["mode"], "target": run.get("target", 518), "images": run["images"]}
        if "error" in run:
            runs.append({**entry, "error": run["error"]})
            continue
        arrays = load_file(recorded / run["file"])
        if "decoded_0" in arrays:
            assert np.array_equal(arrays["decoded_0"], like_original(images / run["images"][0])), name
        if run["mode"] == "decode only":
            continue
        entry.update(summary(arrays["u8"]))
        for key in ("coords", "coords_target1024"):
            if key in arrays:
                entry[key] = arrays[key].tolist()
        runs.append(entry)
        if name in RUNS_KEPT_AS_PIXELS:
            for i, picture in enumerate(arrays["u8"]):
                Image.fromarray(picture.transpose(1, 2, 0).copy()).save(out / f"{name}_{i}.png", optimize=True)
    rare, seen = write_rare_pictures(images)
    for name in sorted(index["images"]) + rare:
        expected = seen.get(name)
        decoded[name] = {
            "like_original": summary(like_original(images / name)),
            "as_seen": summary(as_seen(images / name) if expected is None else expected),
        }
    resizes = []
    for height, width, new_height, new_width in RESIZES:
        result = Image.fromarray(noise(height, width)).resize((new_width, new_height), Image.Resampling.BICUBIC)
        resizes.append({"height": height, "width": width, **summary(np.asarray(result))})
    expected = {"made_by": "make_preprocess_golden.py", "runs": runs, "decoded": decoded,
                "cmyk": summary(like_original(images / "cmyk.jpg")), "resizes": resizes}
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
