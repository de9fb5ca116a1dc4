// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "src/nn/layers.h"
#include "src/train/targets.h"

namespace vggt::train {

/// What the aids look at inside the network, patches only.
struct Inside {
  at::Tensor encoded;                     ///< [B, S, n, C], the encoder's tokens
  std::map<int64_t, at::Tensor> layers;   ///< kept pairs [B, S, n, 2C]
  std::vector<at::Tensor> queries, keys;  ///< of early global blocks [B, A, S, n, D]
};

/// Scalars; a match's accuracy is the share of patches whose strongest answer is the right one.
struct AidLosses {
  at::Tensor descriptor;  ///< matching by the encoder's tokens
  at::Tensor attention;   ///< matching by two heads of the early global blocks
  at::Tensor own_place;   ///< a patch's own place in its frame, from the encoder
  at::Tensor place;       ///< its place in frame 0
  at::Tensor point;       ///< its point in the world
  double descriptor_accuracy = 0;
  double attention_accuracy = 0;
};

/// Losses that a small model needs to begin to see motion: trained on cameras and depth alone it
/// stays at the mean pose. Correspondence is taught directly, as InfoNCE between patches of
/// different frames (van den Oord et al., "Representation learning with contrastive predictive
/// coding", 2018) whose targets come from reprojection. Its small regressors are thrown away after
/// training.
class Aids : public torch::nn::Module {
 public:
  /// layers: the kept pairs whose tokens tell places and points.
  Aids(int64_t channels, std::vector<int64_t> layers);

  /// queries: the patches of each frame that are matched, at most that many, drawn by `seed`.
  AidLosses forward(const Inside& inside,
                    const PatchTargets& targets,
                    int64_t rows,
                    int64_t columns,
                    int64_t queries,
                    uint64_t seed) const;

  /// The first of them alone: for training the encoder before all else.
  AidLosses descriptors(const at::Tensor& encoded,
                        const PatchTargets& targets,
                        int64_t queries,
                        uint64_t seed) const;

 private:
  std::vector<int64_t> layers_;
  std::shared_ptr<nn::Linear> descriptor_, own_place_;
  std::vector<std::shared_ptr<nn::Linear>> place_, point_;
  at::Tensor sharpness_;  ///< [1], logarithm of what similarities are multiplied by
};

}  // namespace vggt::train
