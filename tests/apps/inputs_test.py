#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of input a user may have, given to 'vggt reconstruct': inputs_test.py VGGT

For each: the exit code, what must be said, and how many photos the report counts as read and as left out. Prints a
table. Needs Pillow and pillow-heif; exit code 77: they are not installed, nothing was tested.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pillow_heif
    from PIL import Image
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

pillow_heif.register_heif_opener()
VGGT = os.path.abspath(sys.argv[1])
SCENE = pathlib.Path("examples/scenes/brighton_beach/images").resolve()
PHOTOS = sorted(SCENE.iterdir())
failures = []


def photo(k, size=None):
    image = Image.open(PHOTOS[k]).convert("RGB")
    return image.resize(size) if size else image


def run(name, inputs, folder, code=0, says="", read=None, skipped=None, network=None, options=()):
    """Runs vggt and notes what came out. `inputs` are arguments, relative to `folder`."""
    out = folder / f"out of {name}".replace("/", " ")
    result = subprocess.run([VGGT, "reconstruct", *map(str, inputs), "-o", str(out), *options], cwd=folder,
                            capture_output=True, text=True, errors="replace", timeout=300)
    said = result.stderr + result.stdout
    problems = []
    if result.returncode != code:
        problems.append(f"exit code {result.returncode}, not {code}: {said[-600:]}")
    if says and not re.search(says, said):
        problems.append(f"did not say '{says}' but: {said[-600:]}")
    counts = ("-", "-")
    if result.returncode == 0:
        report = json.loads((out / "report.json").read_text())
        counts = (len(report["photos"]), len(report["skipped"]))
        if read is not None and counts[0] != read:
            problems.append(f"read {counts[0]}, not {read}")
        if skipped is not None and counts[1] != skipped:
            problems.append(f"left out {counts[1]}, not {skipped}")
        got = tuple(report["network_input"].values())
        if network and got != network:
            problems.append(f"network input {got}, not {network}")
        for entry in report["photos"]:
            if not (out / "depth" / (entry["file"] + ".npy")).is_file():
                problems.append(f"no depth of {entry['name']}")
    elif out.exists() or list(folder.glob("*.partial-*")):
        problems.append("left something behind")
    line = next((l for l in said.splitlines() if re.search(says, l)), "") if says else ""
    print(f"| {name} | {result.returncode} | {counts[0]} | {counts[1]} | {line.replace(str(folder), '')[:110]} |")
    failures.extend(f"{name}: {problem}" for problem in problems)
    return out


def main():
    print("| input | exit | read | left out | said |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def place(where):
            path = folder / where
            path.parent.mkdir(parents=True, exist_ok=True)
            return path

        for suffix, options in {"jpg": {}, "png": {}, "webp": {}, "tif": {}, "bmp": {}, "heic": {}, "avif": {}}.items():
            for k in (0, 1):
                photo(k, (320, 240)).save(place(f"{suffix}/{k}.{suffix}"), **options)
            run(f"{suffix.upper()}", [suffix], folder, read=2, skipped=0)
        deep = np.asarray(photo(0, (320, 240)).convert("I"), dtype=np.uint16) * 257
        Image.fromarray(deep).save(place("16bit/a.png"))
        Image.fromarray(deep).save(place("16bit/b.tif"))
        run("16-bit grey PNG and TIFF", ["16bit"], folder, read=2)
        exif = Image.Exif()
        exif[0x0112] = 6
        for suffix in ("jpg", "webp", "tif"):
            photo(0, (320, 240)).save(place(f"exif/{suffix}.{suffix}"), exif=exif)
        run("EXIF orientation 6 in JPEG, WebP, TIFF", ["exif"], folder, read=3, network=(140, 140))
        photo(0, (320, 240)).save(place("mixed/wide.jpg"))
        photo(1, (240, 320)).save(place("mixed/tall.png"))
        photo(2, (200, 200)).save(place("mixed/square.webp"))
        run("mixed sizes and orientations", ["mixed"], folder, read=3, says="differ in shape")
        photo(0, (320, 240)).save(place("deep/a/1.jpg"))
        photo(1, (320, 240)).save(place("deep/b/1.jpg"))
        photo(2, (320, 240)).save(place("deep/0.jpg"))
        run("subfolders, not asked for", ["deep"], folder, read=1)
        out = run("subfolders with equal names", ["deep"], folder, read=3, options=["--recursive"])
        for path in ("depth/a/1.npy", "depth/b/1.npy"):
            if not (out / path).is_file():
                failures.append(f"subfolders: no {path}")
        os.symlink(folder / "deep", folder / "deep" / "a" / "loop")
        run("a link back to the folder above", ["deep"], folder, read=3, options=["--recursive"])
        run("single files", ["jpg/0.jpg", "png/1.png"], folder, read=2)
        run("a pattern that the shell left", ["jpg/*.jpg"], folder, read=2)
        place("list.txt").write_text("# two photos\njpg/1.jpg\r\n\npng/0.png\n")
        run("--list", ["--list", "list.txt"], folder, read=2)
        place("gone.txt").write_text("jpg/1.jpg\njpg/gone.jpg\n")
        run("a list with a photo that is gone", ["--list", "gone.txt"], folder, read=1, skipped=1, says="left out.*gone.jpg")
        for odd in ("with space.jpg", "grüße 写真.jpg", "new\nline.jpg", b"latin1-\xe9.jpg"):
            target = os.fsencode(place("odd/x")).rsplit(b"/", 1)[0] + b"/" + os.fsencode(odd)
            photo(0, (320, 240)).save(open(target, "wb"), format="JPEG")
        run("names with space, UTF-8, newline, other bytes", ["odd"], folder, read=4)
        photo(0, (320, 240)).save(place("broken/good.jpg"))
        place("broken/cut.jpg").write_bytes(place("broken/good.jpg").read_bytes()[:3000])
        place("broken/empty.png").write_bytes(b"")
        place("broken/text.jpg").write_text("not a picture")
        run("one good photo, three broken", ["broken"], folder, read=1, skipped=3, says="left out.*cut.jpg")
        run("the same, --strict", ["broken"], folder, code=1, says="cut.jpg|empty.png|text.jpg", options=["--strict"])
        place("none/text.jpg").write_text("not a picture")
        run("nothing readable", ["none"], folder, code=1, says="none of 1 can be read")
        place("other/notes.txt").write_text("notes")
        run("a folder of other things", ["other"], folder, code=1, says="holds no picture among its")
        run("no such folder", ["nowhere"], folder, code=1, says="no such file or folder")
        photo(0, (1, 1)).save(place("pixel/one.png"))
        run("a picture of one pixel", ["pixel"], folder, read=1)
        photo(0).resize((40000, 4000)).save(place("panorama/wide.jpg"))
        run("a panorama of 40,000 px", ["panorama"], folder, read=1, network=(140, 14))
        photo(0).resize((4000, 50)).save(place("flat/flat.jpg"))
        run("a picture too flat for the network", ["flat"], folder, code=1, says="--fit")
        frames = [photo(k, (320, 240)) for k in range(3)]
        frames[0].save(place("animated/a.webp"), save_all=True, append_images=frames[1:], duration=100)
        run("an animated WebP: its first frame", ["animated"], folder, read=1)
        run("one photo", ["jpg/0.jpg"], folder, read=1)
        Image.new("L", (320, 240), 255).save(place("masks/0.png"))
        half = Image.new("L", (320, 240), 0)
        half.paste(255, (0, 0, 160, 240))
        half.save(place("masks/1.png"))
        run("masks", ["jpg"], folder, read=2, options=["--masks", "masks"])
        run("masks of no photo", ["jpg"], folder, code=1, says="no mask", options=["--masks", "other"])
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


main()
