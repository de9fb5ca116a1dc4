// SPDX-License-Identifier: Apache-2.0
#include "datasets/fingerprint.h"

#include "tests/support/camera_path.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <functional>

namespace vggt::datasets {
namespace {

class Fingerprint : public ::testing::Test {
 protected:
  // Five photos of different sizes in a folder.
  Sequence sequence_in(const TemporaryFolder& folder) const {
    Sequence sequence{.name = "s", .category = "c", .trust = "exact"};
    for (const Camera& camera : vggt::testing::winding_path(5)) {
      const std::string number = std::to_string(sequence.frames.size());
      Frame frame{.image = folder.write(number + ".jpg", "photo" + number), .camera = camera};
      frame.depth = {.path = folder.write(number + ".png", "depth"), .values_per_unit = 1000};
      sequence.frames.push_back(frame);
    }
    return sequence;
  }

  const std::vector<int64_t> frames_ = {3, 0, 2};
};

TEST_F(Fingerprint, IsTheSameInAnotherFolderAndAfterRounding) {
  const TemporaryFolder folder;
  const TemporaryFolder moved;
  Sequence other = sequence_in(moved);
  other.frames[0].camera.translation[0] += 1e-12;
  other.frames[1].camera.fx_px = 7;  // not one of those scored
  EXPECT_EQ(fingerprint(sequence_in(folder), frames_), fingerprint(other, frames_));
  EXPECT_EQ(fingerprint(other, frames_).size(), 16);
}

TEST_F(Fingerprint, DiffersWithWhatAScoreHangsOn) {
  const TemporaryFolder folder;
  const std::string of_these = fingerprint(sequence_in(folder), frames_);
  const std::vector<int64_t> in_another_order = {0, 3, 2};
  EXPECT_NE(fingerprint(sequence_in(folder), in_another_order), of_these);
  const TemporaryFolder others;
  const std::string longer = others.write("a", "a file of another size");
  const std::vector<std::function<void(Sequence&)>> changes = {
      [](Sequence& s) { s.name = "t"; },
      [](Sequence& s) { s.trust = "own SfM"; },
      [](Sequence& s) { s.units_per_metre = 1; },
      [](Sequence& s) { s.frames[0].camera.translation[1] += 1e-4; },
      [](Sequence& s) { s.frames[3].camera.rotation[8] += 1e-4; },
      [](Sequence& s) { s.frames[2].camera.fx_px += 1; },
      [](Sequence& s) { s.frames[0].depth.values_per_unit = 5000; },
      [](Sequence& s) { s.frames[0].depth = {}; },
      [&](Sequence& s) { s.frames[0].depth.path = longer; },
      [&](Sequence& s) { s.frames[2].image = longer; },
      [&](Sequence& s) { s.frames[2].image = folder.path() + "/none.jpg"; },
      [](Sequence& s) { s.frames[2].image_bytes = 3; },
      [&](Sequence& s) { s.scan.path = longer; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    Sequence sequence = sequence_in(folder);
    changes[i](sequence);
    EXPECT_NE(fingerprint(sequence, frames_), of_these) << "change " << i;
  }
}

}  // namespace
}  // namespace vggt::datasets
