// SPDX-License-Identifier: Apache-2.0
// Our bundle adjustment against a plain Ceres solve of the same problem: automatic derivatives,
// axis and angle, the first camera held. Usage: ba_bench [photos points sightings_per_point]
#include <ceres/autodiff_cost_function.h>
#include <ceres/loss_function.h>
#include <ceres/problem.h>
#include <ceres/rotation.h>
#include <ceres/solver.h>
#include <sys/resource.h>

#include <Eigen/Geometry>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "src/ba/adjust.h"
#include "src/ba/refine.h"
#include "src/ba/triangulate.h"
#include "tests/support/ba_scene.h"

namespace {

using namespace vggt;  // a program, not a header

struct PlainCost {
  double x_px, y_px;
  ba::Lens lens;

  template <class T>
  bool operator()(const T* pose, const T* point, T* residuals) const {
    T x[3];
    ceres::AngleAxisRotatePoint(pose, point, x);
    for (int k = 0; k < 3; ++k) x[k] += pose[3 + k];
    residuals[0] = lens.fx_px * x[0] / x[2] + lens.cx_px - x_px;
    residuals[1] = lens.fy_px * x[1] / x[2] + lens.cy_px - y_px;
    return true;
  }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double peak_gb() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 * 1e-9;
}

void plain(const ba::Problem& problem, double loss_px) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::array<double, 6>> poses;
  for (const ba::Photo& photo : problem.photos) {
    const Eigen::Matrix<double, 3, 3, Eigen::RowMajor> r =
        Eigen::Map<const Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(
            photo.cam_from_world.rotation.data());
    const Eigen::AngleAxisd turn{Eigen::Matrix3d(r)};
    const Eigen::Vector3d w = turn.angle() * turn.axis();
    const auto& t = photo.cam_from_world.translation;
    poses.push_back({w.x(), w.y(), w.z(), t[0], t[1], t[2]});
  }
  auto points = problem.points;
  ceres::Problem ceres_problem;
  for (const ba::Observation& o : problem.observations) {
    const ba::Lens& lens = problem.lenses[problem.photos[o.photo].lens];
    ceres_problem.AddResidualBlock(
        new ceres::AutoDiffCostFunction<PlainCost, 2, 6, 3>(new PlainCost{o.x_px, o.y_px, lens}),
        new ceres::CauchyLoss(loss_px),
        poses[o.photo].data(),
        points[o.point].data());
  }
  ceres_problem.SetParameterBlockConstant(poses[0].data());
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::SPARSE_SCHUR;
  options.function_tolerance = 1e-7;
  options.max_num_iterations = 100;
  options.num_threads = static_cast<int>(std::thread::hardware_concurrency());
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &ceres_problem, &summary);
  std::printf("plain Ceres   %6.2f s, %zu iterations, cost %.6g to %.6g, peak so far %.2f GB\n",
              seconds_since(start),
              summary.iterations.size(),
              summary.initial_cost,
              summary.final_cost,
              peak_gb());
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, int otherwise) {
    return argc > i ? std::atoi(argv[i]) : otherwise;
  };
  testing::BaSceneOptions options;
  options.photos = number(1, 100);
  options.points = number(2, 50000);
  options.visible = static_cast<double>(number(3, 6)) / options.photos;
  options.noise_px = 0.3;
  ba::Problem start = testing::ba_scene(options);
  testing::disturb(start, 0.5, 0.02, 3);
  ba::triangulate(start, {.max_error_px = 1e9});
  std::printf("%zu photos, %zu points, %zu observations, %u threads\n",
              start.photos.size(),
              start.points.size(),
              start.observations.size(),
              std::thread::hardware_concurrency());
  constexpr double kLoss_px = 1;
  for (int turn = 0; turn < 2; ++turn) {
    ba::Problem problem = start;
    const auto began = std::chrono::steady_clock::now();
    const ba::AdjustReport report = ba::adjust(problem, {}, {.loss_px = kLoss_px});
    std::printf(
        "adjust()      %6.2f s, %d iterations, cost %.6g to %.6g, %s, peak so far %.2f GB\n",
        seconds_since(began),
        report.iterations,
        report.first_cost,
        report.last_cost,
        ba::to_string(report.solver).c_str(),
        peak_gb());
    plain(start, kLoss_px);
  }
  const auto began = std::chrono::steady_clock::now();
  const ba::Refined refined = ba::refine(start, {});
  std::printf("refine()      %6.2f s, %d rounds, %d iterations, median error %.3f px\n",
              seconds_since(began),
              refined.report.rounds,
              refined.report.iterations,
              refined.report.after.median_px);
}
