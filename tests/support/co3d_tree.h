// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/geometry/camera.h"

namespace vggt::testing {

/// Makes folders as CO3Dv2 has them, out of pictures and cameras given: annotations in PyTorch3D's
/// convention, gzipped, and set lists.
class Co3dTree {
 public:
  struct Frame {
    std::string picture;  ///< copied into the tree; empty: its file is missing
    Camera camera;
    bool annotated = true;       ///< false: no entry in frame_annotations
    bool with_viewpoint = true;  ///< false: the entry lacks the viewpoint
    bool in_test = true;         ///< in the list "test", else in "train"
  };

  explicit Co3dTree(std::string root) : root_(std::move(root)) {}

  /// quality  viewpoint_quality_score; nothing: null
  void add_sequence(const std::string& category,
                    const std::string& name,
                    const std::vector<Frame>& frames,
                    std::optional<double> quality);

  /// Writes the annotations and lists of all categories.
  void write() const;

 private:
  struct Sequence {
    std::string category;
    std::string name;
    std::vector<Frame> frames;
    std::optional<double> quality;
  };

  std::string root_;
  std::vector<Sequence> sequences_;
};

/// Writes a gzip file. Throws std::runtime_error.
void write_gzip(const std::string& path, const std::string& text);

}  // namespace vggt::testing
