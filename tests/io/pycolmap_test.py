#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pycolmap reads a result of 'vggt reconstruct': pycolmap_test.py RESULT PHOTOS

Checks cameras, images and points, the photos' sizes as pycolmap reads them, and that every point projects to
its observation. Exit code 77: pycolmap is not installed, nothing was tested.
"""

import pathlib
import sys

try:
    import numpy as np
    import pycolmap
    from PIL import Image, ImageFilter
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

# Points are float32 and far ones move by a few 1e-4 px. Whether pixels mean what they should, check_colours() tells.
MAX_ERROR_PX = 0.01


def check(condition, message):
    if not condition:
        print(f"FAILED: {message}")
        sys.exit(1)


def check_colours(image, model, path, camera):
    """Points must lie on the pixels of the photo, as stored, that have their colours: shifted by half a pixel of the
    network's input in any direction the colours must fit worse."""
    network_px = 140  # the longest side of the bundled model's input
    scale = max(camera.width, camera.height) / network_px
    check(scale >= 2, f"{image.name}: too small a photo to tell half a pixel from resampling")
    photo = np.asarray(Image.open(path).convert("RGB").filter(ImageFilter.BoxBlur(scale / 2 - 0.5)), dtype=float)
    seen = [p for p in image.points2D if p.has_point3D()]
    colours = np.array([model.points3D[p.point3D_id].color for p in seen], dtype=float)
    places = np.array([p.xy for p in seen])

    def difference(dx, dy):
        x = np.clip(np.floor(places[:, 0] + dx * scale).astype(int), 0, camera.width - 1)
        y = np.clip(np.floor(places[:, 1] + dy * scale).astype(int), 0, camera.height - 1)
        return np.abs(photo[y, x] - colours).mean()

    here = difference(0, 0)
    for dx, dy in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)):
        away = difference(dx, dy)
        check(here < away, f"{image.name}: colours differ by {here:.2f}, shifted by ({dx}, {dy}) by {away:.2f}")


def main():
    result, photos = (pathlib.Path(argument) for argument in sys.argv[1:3])
    names = sorted(p.name for p in photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    model = pycolmap.Reconstruction(str(result / "sparse" / "0"))
    check(len(names) > 0, f"no photos in {photos}")
    check(model.num_cameras() == len(names), f"{model.num_cameras()} cameras, {len(names)} photos")
    check(model.num_reg_images() == len(names), f"{model.num_reg_images()} images, {len(names)} photos")
    check(sorted(image.name for image in model.images.values()) == names, "other names than the photos'")
    check(0 < model.num_points3D() <= 100000, f"{model.num_points3D()} points")

    for image in model.images.values():
        camera = model.cameras[image.camera_id]
        check(camera.model == pycolmap.CameraModelId.PINHOLE, f"{image.name}: {camera.model}")
        bitmap = pycolmap.Bitmap.read(str(photos / image.name), True)
        check(bitmap is not None, f"{image.name} cannot be read")
        check(
            (camera.width, camera.height) == (bitmap.width, bitmap.height),
            f"{image.name}: camera {camera.width} x {camera.height}, photo {bitmap.width} x {bitmap.height}",
        )
        fx, fy = camera.params[:2]
        check(np.isfinite(camera.params).all() and fx > 0 and fy > 0, f"{image.name}: {camera.params}")
        check_colours(image, model, photos / image.name, camera)

    worst_px = 0.0
    for point_id, point in model.points3D.items():
        check(point.track.length() == 1, f"point {point_id}: track of {point.track.length()}")
        element = point.track.elements[0]
        image = model.images[element.image_id]
        seen = image.points2D[element.point2D_idx]
        check(seen.point3D_id == point_id, f"point {point_id}: its observation is of {seen.point3D_id}")
        projected = image.project_point(point.xyz)
        check(projected is not None, f"point {point_id} lies behind {image.name}")
        worst_px = max(worst_px, float(np.abs(projected - seen.xy).max()))
    check(worst_px < MAX_ERROR_PX, f"largest reprojection error {worst_px} px")
    print(f"PASSED: pycolmap {pycolmap.__version__}, {len(names)} photos, {model.num_points3D()} points, "
          f"largest reprojection error {worst_px:.2g} px")


if __name__ == "__main__":
    main()
