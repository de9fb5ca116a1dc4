#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics once more, by NumPy, SciPy and evo: python_metrics_test.py <file of write_metrics>

Poses and AUC follow the published evaluation's formulas (quaternions, numpy.histogram), trajectories
are evo's, nearest points SciPy's, draws those of the generators themselves. Exit code 77: a package is
not installed, nothing was tested.
"""

import copy
import json
import pathlib
import random
import sys

try:
    import numpy as np
    from evo.core import lie_algebra, metrics
    from evo.core.trajectory import PosePath3D
    from scipy.optimize import linprog
    from scipy.spatial import cKDTree
    from scipy.spatial.transform import Rotation
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

checks = 0


def close(a, b, tolerance, message):
    global checks
    checks += 1
    worst = float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max())
    if not worst <= tolerance:
        print(f"FAILED: {message}: {a} is not {b}, off by {worst}")
        sys.exit(1)


def square(matrices):
    return np.array([np.vstack([m, [0, 0, 0, 1]]) for m in matrices])


def pair_errors(predicted, truth):
    """The published script's: relative poses P_i P_j^-1, quaternions, squared cosines."""
    rotation, translation = [], []
    for i in range(len(truth)):
        for j in range(i + 1, len(truth)):
            p = predicted[i] @ np.linalg.inv(predicted[j])
            g = truth[i] @ np.linalg.inv(truth[j])
            q, r = (Rotation.from_matrix(m[:3, :3]).as_quat() for m in (p, g))
            rotation.append(np.degrees(np.arccos(1 - 2 * max(1 - np.dot(q, r) ** 2, 1e-15))))
            a = p[:3, 3] / (np.linalg.norm(p[:3, 3]) + 1e-15)
            b = g[:3, 3] / (np.linalg.norm(g[:3, 3]) + 1e-15)
            e = np.degrees(np.arccos(np.sqrt(1 - max(1 - np.dot(a, b) ** 2, 1e-15))))
            translation.append(min(e, abs(180 - e)))
    return np.array(rotation), np.array(translation)


def auc(errors, threshold):
    histogram, _ = np.histogram(errors, bins=np.arange(threshold + 1))
    return np.mean(np.cumsum(histogram.astype(float) / len(errors)))


def trapezoid_auc(errors, threshold):
    """As SuperGlue's evaluation has it."""
    errors = np.concatenate([[0.0], np.sort(errors)])
    recall = np.arange(len(errors)) / (len(errors) - 1)
    last = np.searchsorted(errors, threshold)
    e = np.concatenate([errors[:last], [threshold]])
    r = np.concatenate([recall[:last], [recall[last - 1]]])
    return np.trapezoid(r, x=e) / threshold


def check_poses(case):
    truth, predicted = square(case["truth"]), square(case["predicted"])
    rotation, translation = pair_errors(predicted, truth)
    # The arc cosines of the published formulas lose half of the digits near 0.
    close(case["rotation_deg"], rotation, 1e-5, case["name"] + ": rotation errors")
    close(case["translation_deg"], translation, 1e-5, case["name"] + ": translation errors")
    both = np.maximum(case["rotation_deg"], case["translation_deg"])
    for threshold, value in case["auc"].items():
        close(value, auc(both, int(threshold)), 1e-12, case["name"] + ": AUC@" + threshold)
        exact = np.mean(np.maximum(0, 1 - both / int(threshold)))
        close(case["exact_auc"][threshold], exact, 1e-12, case["name"] + ": exact AUC")
        close(case["trapezoid_auc"][threshold], trapezoid_auc(both, int(threshold)), 1e-12, "trapezoid AUC")
    for field, scaled in (("trajectory", True), ("trajectory_rigid", False)):
        check_trajectory(case[field], truth, predicted, scaled, f"{case['name']}: {field}")
    check_inverted_trajectory(case, truth, predicted)


def check_trajectory(scores, truth, predicted, scaled, name):
    reference = PosePath3D(poses_se3=[np.linalg.inv(m) for m in truth])
    estimate = copy.deepcopy(PosePath3D(poses_se3=[np.linalg.inv(m) for m in predicted]))
    estimate.align(reference, correct_scale=scaled)

    def statistics(metric):
        metric.process_data((reference, estimate))
        return metric.get_all_statistics()

    ate = statistics(metrics.APE(metrics.PoseRelation.translation_part))
    for field in ("rmse", "mean", "median", "max"):
        close(scores["ate_" + field], ate[field], 1e-9, f"{name}: ATE {field}")
    are = statistics(metrics.APE(metrics.PoseRelation.rotation_angle_deg))
    close(scores["are_deg"], are["rmse"], 1e-5, name + ": ARE")
    step = dict(delta=1, delta_unit=metrics.Unit.frames, all_pairs=True)
    rpe = statistics(metrics.RPE(metrics.PoseRelation.translation_part, **step))
    close(scores["rpe_translation"], rpe["rmse"], 1e-9, name + ": RPE translation")
    rpe = statistics(metrics.RPE(metrics.PoseRelation.rotation_angle_deg, **step))
    close(scores["rpe_rotation_deg"], rpe["rmse"], 1e-5, name + ": RPE rotation")


def check_inverted_trajectory(case, truth, predicted):
    """FastVGGT's: world-to-camera matrices as poses, of the truth relative to the first, and evo's align_origin."""
    to_world = [np.linalg.inv(m) for m in truth]
    reference = PosePath3D(poses_se3=[np.linalg.inv(np.linalg.inv(to_world[0]) @ m) for m in to_world])
    estimate = copy.deepcopy(PosePath3D(poses_se3=list(predicted)))
    estimate.align(reference, correct_scale=True)
    estimate.align_origin(reference)
    scores = case["trajectory_inverted"]
    for field, metric, tolerance in (
        ("ate_rmse", metrics.APE(metrics.PoseRelation.translation_part), 1e-9),
        ("are_deg", metrics.APE(metrics.PoseRelation.rotation_angle_deg), 1e-5),
        ("rpe_translation", metrics.RPE(metrics.PoseRelation.translation_part, delta=1, all_pairs=True), 1e-9),
        ("rpe_rotation_deg", metrics.RPE(metrics.PoseRelation.rotation_angle_deg, delta=1, all_pairs=True), 1e-5),
    ):
        metric.process_data((reference, estimate))
        close(scores[field], metric.get_all_statistics()["rmse"], tolerance, f"{case['name']}: inverted, {field}")


def by_medians(points, target):
    """As CUT3R's evaluation normalises both clouds."""
    moved = []
    for cloud in (points, target):
        cloud = cloud.copy()
        depth = np.median(cloud[:, 2])
        cloud[:, 2] -= depth
        spread = np.median(np.linalg.norm(cloud - np.median(cloud, axis=0), axis=1))
        moved.append((cloud, depth, spread))
    (p, _, from_spread), (_, depth, to_spread) = moved
    return p * to_spread / np.clip(from_spread, 1e-3, 1e3) + [0, 0, depth]


def check_depth(depth):
    p, g = np.array(depth["predicted"]), np.array(depth["truth"])
    n = len(p)
    scores = depth["scores"]
    close(scores["median"]["scale"], np.median(g) / np.median(p), 1e-12, "median scale")
    s = g.mean() / p.mean()
    for _ in range(10):
        w = 1 / (np.abs(s * p - g) + 1e-8)
        s = (w * p * g).sum() / (w * p * p).sum()
    close(scores["scale"]["scale"], s, 1e-9, "reweighted scale")
    fit = np.linalg.lstsq(np.stack([p, np.ones(n)], 1), g, rcond=None)[0]
    close([scores["lstsq"]["scale"], scores["lstsq"]["shift"]], fit, 1e-9, "least squares")
    # Least absolute deviations as a linear program: minimise sum t, -t <= s p + b - g <= t.
    a = np.block([[p[:, None], np.ones((n, 1)), -np.eye(n)], [-p[:, None], -np.ones((n, 1)), -np.eye(n)]])
    solved = linprog(np.r_[0, 0, np.ones(n)], A_ub=a, b_ub=np.r_[g, -g], bounds=[(None, None)] * 2 + [(0, None)] * n)
    ours = np.abs(scores["scale_shift"]["scale"] * p + scores["scale_shift"]["shift"] - g).sum()
    close(ours, solved.fun, 1e-7 * solved.fun, "least absolute deviations")
    for name, score in scores.items():
        q = score["scale"] * p + score["shift"]
        close(score["abs_rel"], np.mean(np.abs(q - g) / g), 1e-12, name + ": AbsRel")
        close(score["sq_rel"], np.mean((q - g) ** 2 / g), 1e-12, name + ": SqRel")
        close(score["rmse"], np.sqrt(np.mean((q - g) ** 2)), 1e-12, name + ": RMSE")
        log = np.log(np.maximum(q, 1e-5)) - np.log(g)
        close(score["log_rmse"], np.sqrt(np.mean(log**2)), 1e-12, name + ": logRMSE")
        ratio = np.where(q > 0, np.maximum(q / g, g / q), np.inf)
        close(score["delta"], [np.mean(ratio < 1.25**k) for k in (1, 2, 3)], 0, name + ": delta")


def normals_of(points):
    _, index = cKDTree(points).query(points, k=30)
    near = points[index] - points[index].mean(1, keepdims=True)
    return np.linalg.eigh(near.transpose(0, 2, 1) @ near)[1][:, :, 0]


def check_points(points):
    p = np.array(points["predicted"]).reshape(-1, 3)
    g = np.array(points["truth"]).reshape(-1, 3)
    accuracy, to_g = cKDTree(g).query(p)
    completeness, to_p = cKDTree(p).query(g)
    close(points["accuracy"], [accuracy.mean(), np.median(accuracy)], 1e-12, "accuracy")
    close(points["completeness"], [completeness.mean(), np.median(completeness)], 1e-12, "completeness")
    close(points["chamfer"], (accuracy.mean() + completeness.mean()) / 2, 1e-12, "chamfer")
    clip = points["clip"]
    clipped = np.minimum(accuracy, clip).mean() + np.minimum(completeness, clip).mean()
    close(points["clipped_sum"], clipped, 1e-12, "clipped sum")
    for distance, precision, recall, f in points["f_scores"]:
        a, b = np.mean(accuracy < distance), np.mean(completeness < distance)
        close([precision, recall, f], [a, b, 2 * a * b / (a + b)], 1e-12, "F-score")
    close(points["by_medians"], by_medians(p, g[: len(p)]).ravel(), 1e-12, "points by medians")
    np_, ng = normals_of(p), normals_of(g)
    one = np.abs((np_ * ng[to_g]).sum(1))
    two = np.abs((ng * np_[to_p]).sum(1))
    close(points["normals"][0], (one.mean() + two.mean()) / 2, 1e-9, "normals, mean")
    close(points["normals"][1], (np.median(one) + np.median(two)) / 2, 1e-9, "normals, median")
    voxel = points["voxel"]
    cells = np.floor((g - (g.min(0) - voxel / 2)) / voxel).astype(int)
    _, inverse = np.unique(cells, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    means = np.stack([np.bincount(inverse, g[:, k]) / np.bincount(inverse) for k in range(3)], 1)
    ours = np.array(points["voxel_means"]).reshape(-1, 3)
    close(len(ours), len(means), 0, "voxels")
    order, reference = (m[np.lexsort(m.round(9).T)] for m in (ours, means))
    close(order, reference, 1e-12, "voxel means")


def check_draws(draws):
    np.random.seed(draws["seed"])
    random.seed(draws["seed"])
    for k, n in enumerate(draws["n"]):
        close(draws["numpy"][k], np.random.choice(n, draws["most"], replace=False), 0, f"numpy's draw of {n}")
        close(draws["python"][k], random.sample(range(n), draws["most"]), 0, f"Python's draw of {n}")


def main():
    data = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for case in data["poses"]:
        check_poses(case)
    check_depth(data["depth"])
    check_points(data["points"])
    check_draws(data["draws"])
    print(f"{checks} figures agree with NumPy {np.__version__}, SciPy and evo")


main()
