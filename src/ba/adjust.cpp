// SPDX-License-Identifier: Apache-2.0
#include "src/ba/adjust.h"

#include <ceres/iteration_callback.h>
#include <ceres/loss_function.h>
#include <ceres/problem.h>
#include <ceres/solver.h>
#include <glog/logging.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <thread>

#include "src/ba/costs.h"
#include "src/base/error.h"

namespace vggt::ba {
namespace {

constexpr int32_t kNone = -1;

class Poll final : public ceres::IterationCallback {
 public:
  explicit Poll(StageProgress* stage) : stage_(stage) {}

  ceres::CallbackReturnType operator()(const ceres::IterationSummary&) override {
    try {
      if (stage_) stage_->poll();
    } catch (const Cancelled&) {
      cancelled_ = true;  // no exception may pass through Ceres
      return ceres::SOLVER_ABORT;
    }
    return ceres::SOLVER_CONTINUE;
  }
  bool cancelled() const { return cancelled_; }

 private:
  StageProgress* stage_;
  bool cancelled_ = false;
};

int32_t root_of(std::vector<int32_t>& parents, int32_t i) {
  while (parents[i] != i) i = parents[i] = parents[parents[i]];
  return i;
}

// The memory and work of a step: what the reduced equations of the cameras hold.
LinearSolver solver_for(size_t moved_photos) {
  constexpr size_t kDense = 60;
  constexpr size_t kSparse = 1000;
  if (moved_photos <= kDense) return LinearSolver::kDense;
  return moved_photos <= kSparse ? LinearSolver::kSparse : LinearSolver::kIterative;
}

struct Blocks {
  explicit Blocks(const Problem& problem) : points(problem.points) {
    for (const Photo& photo : problem.photos) poses.push_back(pose_block(photo.cam_from_world));
    for (const Lens& lens : problem.lenses) lenses.push_back(lens_block(lens));
    log_scales.resize(problem.photos.size());
  }
  Eigen::Vector3d centre(size_t photo) const {
    return Eigen::Map<const Eigen::Vector3d>(poses[photo].data() + 4);
  }

  std::vector<PoseBlock> poses;
  std::vector<LensBlock> lenses;
  std::vector<std::array<double, 3>> points;
  std::vector<double> log_scales;
};

// Which photos move, and what holds the place and scale of each group.
struct Gauge {
  std::vector<uint8_t> moves;
  std::vector<int32_t> anchors;  // of the photo that keeps its distance to it; else none
};

Gauge gauge_of(const Problem& problem,
               const Blocks& blocks,
               const std::vector<int32_t>& groups,
               const std::vector<int64_t>& counts,
               const AdjustOptions& options,
               AdjustReport& report) {
  const size_t photos = problem.photos.size();
  std::vector<uint8_t> has_prior(photos);
  for (const PosePrior& prior : problem.pose_priors) has_prior[prior.photo] = 1;
  Gauge gauge{std::vector<uint8_t>(photos), std::vector<int32_t>(photos, kNone)};
  for (size_t s = 0; s < photos; ++s) {
    if (problem.photos[s].fixed) continue;
    gauge.moves[s] = counts[s] >= options.min_observations || has_prior[s];
    if (!gauge.moves[s]) report.unmoved.push_back(static_cast<int32_t>(s));
  }
  report.components = groups.empty() ? 0 : *std::max_element(groups.begin(), groups.end()) + 1;
  for (int32_t group = 0; group < report.components; ++group) {
    std::vector<size_t> held;   // fixed photos whose points others see
    std::vector<size_t> moved;  // in order
    int priors = 0;
    for (size_t s = 0; s < photos; ++s) {
      if (groups[s] != group || counts[s] == 0) continue;
      if (gauge.moves[s]) {
        moved.push_back(s);
        priors += has_prior[s];
      } else {
        held.push_back(s);
      }
    }
    // Two priors of different places give the scale, and all of them the place.
    if (moved.empty() || priors > 1 || (priors == 1 && !held.empty())) continue;
    size_t reference = 0;
    if (!held.empty()) {
      reference = held.front();
    } else {
      reference = moved.front();
      if (priors == 0) gauge.moves[reference] = 0;
    }
    const auto distance = [&](size_t s) {
      return (blocks.centre(s) - blocks.centre(reference)).norm();
    };
    double known = 0;  // the scale, where two photos are held
    for (const size_t s : held) known = std::max(known, distance(s));
    const size_t farthest = *std::max_element(
        moved.begin(), moved.end(), [&](size_t a, size_t b) { return distance(a) < distance(b); });
    if (known > 0 || distance(farthest) <= 0 || farthest == reference) continue;
    gauge.anchors[farthest] = static_cast<int32_t>(reference);
  }
  return gauge;
}

}  // namespace

std::string to_string(LinearSolver solver) {
  switch (solver) {
    case LinearSolver::kDense:
      return "dense";
    case LinearSolver::kSparse:
      return "sparse";
    case LinearSolver::kIterative:
      return "iterative";
    case LinearSolver::kAuto:
      break;
  }
  return "auto";
}

std::vector<int32_t> components(const Problem& problem, const std::vector<uint8_t>& active) {
  std::vector<int32_t> parents(problem.photos.size());
  std::iota(parents.begin(), parents.end(), 0);
  std::vector<int32_t> first_photo(problem.points.size(), kNone);
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    if (!active.empty() && !active[i]) continue;
    const Observation& observation = problem.observations[i];
    int32_t& first = first_photo[observation.point];
    if (first == kNone) first = observation.photo;
    const int32_t a = root_of(parents, first);
    const int32_t b = root_of(parents, observation.photo);
    parents[std::max(a, b)] = std::min(a, b);
  }
  std::vector<int32_t> numbers(parents.size(), kNone);
  std::vector<int32_t> groups(parents.size());
  int32_t next = 0;
  for (size_t s = 0; s < parents.size(); ++s) {
    int32_t& number = numbers[root_of(parents, static_cast<int32_t>(s))];
    if (number == kNone) number = next++;
    groups[s] = number;
  }
  return groups;
}

AdjustReport adjust(Problem& problem,
                    const std::vector<uint8_t>& active,
                    const AdjustOptions& options) {
  check(problem);
  // Ceres speaks through glog; we report by what we return.
  FLAGS_minloglevel = google::GLOG_FATAL;
  Blocks blocks(problem);
  std::vector<int64_t> counts(problem.photos.size());
  std::vector<uint8_t> seen(problem.points.size());
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    if (!active.empty() && !active[i]) continue;
    ++counts[problem.observations[i].photo];
    seen[problem.observations[i].point] = 1;
  }
  AdjustReport report;
  const Gauge gauge =
      gauge_of(problem, blocks, components(problem, active), counts, options, report);

  std::unique_ptr<ceres::LossFunction> loss;
  if (options.loss_px > 0) loss = std::make_unique<ceres::CauchyLoss>(options.loss_px);
  ceres::CauchyLoss depth_loss(1);
  ceres::Problem::Options owned;
  owned.loss_function_ownership = ceres::DO_NOT_TAKE_OWNERSHIP;
  owned.manifold_ownership = ceres::DO_NOT_TAKE_OWNERSHIP;
  owned.disable_all_safety_checks = true;  // check() has been asked
  std::vector<std::unique_ptr<ceres::Manifold>> manifolds;
  PoseManifold free_pose;
  ceres::Problem ceres_problem(owned);
  ceres::ParameterBlockOrdering* const order = new ceres::ParameterBlockOrdering;
  constexpr int kFirst = 0;
  constexpr int kLast = 1;

  for (size_t i = 0; i < problem.observations.size(); ++i) {
    if (!active.empty() && !active[i]) continue;
    const Observation& o = problem.observations[i];
    ceres_problem.AddResidualBlock(new ReprojectionCost(o.x_px, o.y_px),
                                   loss.get(),
                                   blocks.poses[o.photo].data(),
                                   blocks.lenses[problem.photos[o.photo].lens].data(),
                                   blocks.points[o.point].data());
  }
  std::vector<uint8_t> scaled(problem.photos.size());
  for (const DepthPrior& prior : problem.depth_priors) {
    if (!seen[prior.point] || counts[prior.photo] == 0) continue;
    ceres_problem.AddResidualBlock(new DepthCost(prior.depth, prior.deviation),
                                   &depth_loss,
                                   blocks.poses[prior.photo].data(),
                                   blocks.points[prior.point].data(),
                                   &blocks.log_scales[prior.photo]);
    scaled[prior.photo] = 1;
  }
  for (const PosePrior& prior : problem.pose_priors) {
    if (problem.photos[prior.photo].fixed) continue;
    ceres_problem.AddResidualBlock(
        new PosePriorCost(prior), nullptr, blocks.poses[prior.photo].data());
  }

  size_t moved = 0;
  for (size_t s = 0; s < blocks.poses.size(); ++s) {
    double* const pose = blocks.poses[s].data();
    if (scaled[s]) order->AddElementToGroup(&blocks.log_scales[s], kLast);
    if (!ceres_problem.HasParameterBlock(pose)) continue;
    order->AddElementToGroup(pose, kLast);
    if (!gauge.moves[s]) {
      ceres_problem.SetParameterBlockConstant(pose);
      continue;
    }
    ++moved;
    if (gauge.anchors[s] == kNone) {
      ceres_problem.SetManifold(pose, &free_pose);
    } else {
      manifolds.push_back(std::make_unique<PoseManifold>(
          blocks.centre(static_cast<size_t>(gauge.anchors[s])), blocks.centre(s)));
      ceres_problem.SetManifold(pose, manifolds.back().get());
    }
  }
  for (size_t i = 0; i < blocks.lenses.size(); ++i) {
    double* const lens = blocks.lenses[i].data();
    if (!ceres_problem.HasParameterBlock(lens)) continue;
    order->AddElementToGroup(lens, kLast);
    if (problem.lenses[i].model == LensModel::kFixed) {
      ceres_problem.SetParameterBlockConstant(lens);
      continue;
    }
    manifolds.push_back(std::make_unique<LensManifold>(problem.lenses[i]));
    ceres_problem.SetManifold(lens, manifolds.back().get());
  }
  for (size_t i = 0; i < blocks.points.size(); ++i) {
    if (seen[i]) order->AddElementToGroup(blocks.points[i].data(), kFirst);
  }

  Poll poll(options.stage);
  ceres::Solver::Options how;
  how.linear_solver_ordering.reset(order);
  report.solver = options.solver == LinearSolver::kAuto ? solver_for(moved) : options.solver;
  how.linear_solver_type = report.solver == LinearSolver::kDense    ? ceres::DENSE_SCHUR
                           : report.solver == LinearSolver::kSparse ? ceres::SPARSE_SCHUR
                                                                    : ceres::ITERATIVE_SCHUR;
  how.preconditioner_type = ceres::SCHUR_JACOBI;
  how.max_num_iterations = options.max_iterations;
  how.function_tolerance = 1e-7;
  how.num_threads = options.threads > 0
                        ? options.threads
                        : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  how.logging_type = ceres::SILENT;
  how.callbacks = {&poll};
  ceres::Solver::Summary summary;
  if (ceres_problem.NumResidualBlocks() > 0) ceres::Solve(how, &ceres_problem, &summary);
  if (poll.cancelled()) throw Cancelled();
  report.first_cost = summary.initial_cost;
  report.last_cost = summary.final_cost;
  report.iterations = static_cast<int>(summary.iterations.size());
  report.converged = summary.termination_type == ceres::CONVERGENCE;
  if (!summary.IsSolutionUsable()) return report;  // nothing was moved

  for (size_t s = 0; s < blocks.poses.size(); ++s) {
    if (gauge.moves[s]) problem.photos[s].cam_from_world = rigid_of(blocks.poses[s]);
  }
  for (size_t i = 0; i < blocks.lenses.size(); ++i) {
    if (problem.lenses[i].model != LensModel::kFixed) set_lens(blocks.lenses[i], problem.lenses[i]);
  }
  problem.points = blocks.points;
  return report;
}

}  // namespace vggt::ba
