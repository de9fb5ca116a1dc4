#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads one scene in all our formats with the packages that people read them with, and checks that
they tell the same: python_readers_test.py <folder of write_every_format>

Every point, written with its pixel nowhere, must be found where a camera of each format projects it:
at its depth in that view's depth map. Exit code 77: a package is not installed, nothing was tested.
"""

import importlib.metadata
import json
import pathlib
import sys

try:
    import evo.tools.file_interface
    import numpy as np
    import plyfile
    import safetensors
    import safetensors.numpy
    import trimesh
    from PIL import Image
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)


def check(condition, message):
    if not condition:
        print(f"FAILED: {message}")
        sys.exit(1)


def close(a, b, tolerance, message):
    worst = float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max())
    check(worst <= tolerance, f"{message}: off by {worst}")


def inverse(pose):
    """cam_from_world [3, 4] to world_from_cam [4, 4], or back"""
    square = np.vstack([pose[:3], [0, 0, 0, 1]])
    return np.linalg.inv(square)


OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def main():
    folder = pathlib.Path(sys.argv[1])
    names = ["a.jpg", "below/b é.jpg", "below/c.jpg"]
    stems = ["a", "below/b é", "below/c"]

    # predictions.safetensors
    arrays = safetensors.numpy.load_file(folder / "predictions.safetensors")
    with safetensors.safe_open(folder / "predictions.safetensors", "numpy") as file:
        check(json.loads(file.metadata()["names"]) == names, "predictions: names")
    depth, k, cam_from_world = arrays["depth"], arrays["intrinsics"], arrays["extrinsics"]
    check(arrays["images"].dtype == np.uint8 and arrays["images"].shape == (3, 3, 84, 126), "predictions: images")
    check(depth.dtype == np.float32 and depth.shape == (3, 84, 126), "predictions: depth")
    check((arrays["mask"] == 0).sum() == 126, "predictions: mask")

    # depth/*.npy, confidence/*.npy, result.npz
    for s, stem in enumerate(stems):
        check((np.load(folder / "depth" / f"{stem}.npy") == depth[s]).all(), f"{stem}: depth")
        check((np.load(folder / "confidence" / f"{stem}.npy") == arrays["confidence"][s]).all(), f"{stem}: confidence")
    npz = np.load(folder / "result.npz")
    check(npz["names"].tolist() == names, "npz: names")
    check((npz["depth"] == depth).all() and (npz["intrinsics"] == k).all(), "npz: depth, intrinsics")
    check((npz["cam_from_world"] == cam_from_world).all(), "npz: cam_from_world")

    # points.ply
    vertex = plyfile.PlyData.read(str(folder / "points.ply"))["vertex"]
    points = np.stack([vertex["x"], vertex["y"], vertex["z"]], 1).astype(float)
    colours = np.stack([vertex["red"], vertex["green"], vertex["blue"]], 1)
    normals = np.stack([vertex["nx"], vertex["ny"], vertex["nz"]], 1)
    check(len(points) == 6000, f"{len(points)} points")
    check((points == npz["position"]).all() and (colours == npz["colour"]).all(), "ply and npz differ")
    check((vertex["confidence"] == npz["point_confidence"]).all(), "ply: confidence")
    check((normals == npz["normal"]).all(), "ply: normals")
    close(np.linalg.norm(normals, axis=1), 1, 1e-5, "ply: length of normals")
    cloud = trimesh.load(folder / "points.ply")
    check((cloud.vertices == points).all() and (cloud.colors[:, :3] == colours).all(), "ply in trimesh")

    # A point lies on the depth map of its own view.
    for s in range(3):
        of_view = points[npz["frame"] == s]
        in_cam = of_view @ cam_from_world[s, :, :3].T + cam_from_world[s, :, 3]
        pixel = in_cam @ k[s].T
        pixel = pixel[:, :2] / pixel[:, 2:]
        x, y = np.floor(pixel).astype(int).T
        close(pixel, np.stack([x, y], 1) + 0.5, 1e-3, f"{names[s]}: pixels")
        close(depth[s, y, x], in_cam[:, 2], 1e-4, f"{names[s]}: depth of points")

    # trajectory.tum
    trajectory = evo.tools.file_interface.read_tum_trajectory_file(str(folder / "trajectory.tum"))
    check(trajectory.check()[0], f"evo: {trajectory.check()[1]}")
    close(trajectory.timestamps, [0, 1, 2], 0, "tum: timestamps")
    for s in range(3):
        close(trajectory.poses_se3[s], inverse(cam_from_world[s]), 1e-12, "tum: poses")

    # transforms.json: cameras of the pictures as stored; the second is turned against its network input.
    transforms = json.loads((folder / "transforms.json").read_text(encoding="utf-8"))
    check((folder / transforms["ply_file_path"]).exists(), "transforms: ply_file_path")
    scale = 960 / 126
    for s, frame in enumerate(transforms["frames"]):
        check(frame["file_path"] == names[s], "transforms: file_path")
        check((frame["w"], frame["h"]) == ((640, 960) if s == 1 else (960, 640)), "transforms: size")
        world_from_cam = np.array(frame["transform_matrix"]) @ OPENGL
        in_cam = (inverse(world_from_cam) @ np.c_[points, np.ones(len(points))].T)[:3].T
        u = frame["fl_x"] * in_cam[:, 0] / in_cam[:, 2] + frame["cx"]
        v = frame["fl_y"] * in_cam[:, 1] / in_cam[:, 2] + frame["cy"]
        if s == 1:  # EXIF 6: turned right to view, what is stored at (u, v) is shown at (h - v, u)
            u, v = frame["h"] - v, u
        network = points @ cam_from_world[s, :, :3].T + cam_from_world[s, :, 3]
        network = network @ k[s].T
        network = network[:, :2] / network[:, 2:]
        close(np.stack([u, v], 1), network * scale, 1e-6, f"transforms: {names[s]}")

    # scene.glb: y up, z backward
    scene = trimesh.load_scene(folder / "scene.glb")
    clouds = [g for g in scene.geometry.values() if isinstance(g, trimesh.PointCloud)]
    paths = [g for g in scene.geometry.values() if isinstance(g, trimesh.path.Path3D)]
    check(len(clouds) == 1 and len(paths) == 1, f"glb: {scene.geometry}")
    matrix, _ = scene.graph["points"]
    close(trimesh.transform_points(clouds[0].vertices, matrix), points * [1, -1, -1], 1e-6, "glb: points")
    linear = colours / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    close(clouds[0].colors[:, :3] / 255, linear, 0.5 / 255 + 1e-9, "glb: colours")
    for s, name in enumerate(names):
        matrix, _ = scene.graph[name]
        close(matrix, OPENGL @ inverse(cam_from_world[s]) @ OPENGL, 1e-6, f"glb: camera {name}")

    # depth/*.png
    scale = float((folder / "depth_scale.txt").read_text())
    for s, stem in enumerate(stems):
        picture = np.array(Image.open(folder / "depth" / f"{stem}.png"))
        check((picture == 0).sum() == (depth[s] == 0).sum(), f"{stem}.png: pixels without depth")
        fits = depth[s] * scale < 65535
        close(picture[fits] / scale, depth[s][fits], 0.51 / scale, f"{stem}.png")

    packages = ("numpy", "safetensors", "plyfile", "trimesh", "evo", "pillow")
    print("PASSED: " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages))


if __name__ == "__main__":
    main()
