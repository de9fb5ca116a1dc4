// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/registry.h"
#include "src/io/text_file.h"
#include "tests/support/camera_path.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>

namespace vggt::datasets {

/// Writes tiny data sets of twelve frames and compares what is loaded with the cameras they were
/// made of.
class Loaders : public ::testing::Test {
 protected:
  static constexpr double kRounding = 1e-12;  // of numbers with 17 digits, and one inversion

  // A file with its folders.
  void write(const std::string& name, const std::string& bytes = "x") {
    std::filesystem::create_directories(std::filesystem::path(folder_.file(name)).parent_path());
    folder_.write(name, bytes);
  }

  Dataset load(const std::string& dataset, const std::string& split = "") {
    const Loader& found = loader(dataset);
    return found.load({folder_.path(), split_of(found, split)});
  }

  static std::string matrix_text(const Rigid& pose, int rows = 4) {
    std::string text;
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < 3; ++column) {
        text += number_text(pose.rotation[3 * row + column]) + " ";
      }
      text += number_text(pose.translation[row]) + (rows == 3 ? " " : "\n");
    }
    return rows == 3 ? text.substr(0, text.size() - 1) + "\n" : text + "0 0 0 1\n";
  }

  static Rigid world_from(const Camera& camera) { return inverse(cam_from_world(camera)); }

  static void expect_pose(const Frame& frame, const Camera& truth, double tolerance = kRounding) {
    for (int k = 0; k < 9; ++k) {
      EXPECT_NEAR(frame.camera.rotation[k], truth.rotation[k], tolerance) << frame.image;
    }
    for (int k = 0; k < 3; ++k) {
      EXPECT_NEAR(frame.camera.translation[k], truth.translation[k], tolerance) << frame.image;
    }
  }

  void expect_poses(const Sequence& sequence, double tolerance = kRounding) {
    EXPECT_EQ(sequence.problem, "");
    ASSERT_EQ(sequence.frames.size(), truth_.size());
    for (size_t i = 0; i < truth_.size(); ++i) {
      expect_pose(sequence.frames[i], truth_[i], tolerance);
      EXPECT_TRUE(std::filesystem::exists(sequence.frames[i].image)) << sequence.frames[i].image;
    }
  }

  static std::string numbered(const char* pattern, int number) {
    char text[64];
    std::snprintf(text, sizeof(text), pattern, number);
    return text;
  }

  // World-from-camera in OpenGL's axes, as NeRF-like sets have it.
  static Rigid opengl(const Camera& camera) {
    Rigid pose = world_from(camera);
    for (int row = 0; row < 3; ++row) {
      pose.rotation[3 * row + 1] *= -1;
      pose.rotation[3 * row + 2] *= -1;
    }
    return pose;
  }

  TemporaryFolder folder_;
  std::vector<Camera> truth_ = vggt::testing::winding_path(12);
};

}  // namespace vggt::datasets
