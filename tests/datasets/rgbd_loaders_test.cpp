// SPDX-License-Identifier: Apache-2.0
// Each loader on a tiny data set in its exact layout, whole and broken: of RGB-D cameras.
#include "datasets/registry.h"
#include "datasets/tum_rgbd.h"
#include "src/image/map_png.h"
#include "tests/datasets/loaders.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

namespace vggt::datasets {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(Loaders, SevenScenes) {
  write("chess/TestSplit.txt", "sequence1\nsequence2\n");
  write("chess/TrainSplit.txt", "sequence12\n");
  for (int i = 0; i < 12; ++i) {
    const std::string stem = "chess/seq-01/" + numbered("frame-%06d", i);
    write(stem + ".color.png");
    write(stem + ".depth.png");
    write(stem + ".depth.proj.png");
    write(stem + ".pose.txt", matrix_text(world_from(truth_[i])));
  }
  write("chess/seq-02/frame-000000.color.png");
  write("chess/seq-02/frame-000000.pose.txt", "1 2 3\n");
  const auto sequences = load("7scenes").sequences;
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_EQ(sequences[0].name, "chess/seq-01");
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].trust, "sensor tracking");
  EXPECT_THAT(sequences[0].frames[0].depth.path, HasSubstr("frame-000000.depth.proj.png"));
  EXPECT_EQ(sequences[0].frames[0].depth.farthest, 10);
  EXPECT_EQ(sequences[0].frames[0].camera.cx_px, 320.5);  // from the pixel's corner
  EXPECT_THAT(sequences[1].problem, HasSubstr("frame-000000.pose.txt: holds 3 numbers"));
  const auto train = load("7scenes", "train").sequences;
  ASSERT_EQ(train.size(), 1);
  EXPECT_THAT(train[0].problem, HasSubstr("seq-12: is missing"));
}

TEST_F(Loaders, SevenScenesWithTheSensorsDepth) {
  write("chess/TestSplit.txt", "sequence1\n");
  const std::string stem = "chess/seq-01/frame-000000";
  write(stem + ".color.png");
  write(stem + ".pose.txt", matrix_text(world_from(truth_[0])));
  write_map_png(folder_.file(stem + ".depth.png"), at::full({480, 640}, 2, at::kFloat), 1000);
  const auto frame = load("7scenes").sequences.at(0).frames.at(0);
  const at::Tensor depth = read_depth(frame.depth);
  EXPECT_EQ(depth[240][320].item<float>(), 2);
  // The colour camera sees more: its outermost pixels have none.
  EXPECT_EQ(depth[240][32].item<float>(), 0);
  EXPECT_EQ(depth[240][34].item<float>(), 2);
}

TEST_F(Loaders, TumRgbd) {
  std::string photos = "# color images\n";
  std::string depth = "# depth maps\n";
  std::string poses = "# ground truth\n";
  for (int i = 0; i < 12; ++i) {
    const std::string file = numbered("rgb/%d.png", i);
    write("rgbd_dataset_freiburg2_desk/" + file);
    photos += numbered("%d.000", 100 + i) + " " + file + "\n";
    depth += numbered("%d.015", 100 + i) + numbered(" depth/%d.png\n", i);
    const Rigid pose = world_from(truth_[i]);
    // The quaternion of the rotation, with the largest divisor.
    const auto& r = pose.rotation;
    const double trace = r[0] + r[4] + r[8];
    std::array<double, 4> q;
    if (trace > 0) {
      const double s = 2 * std::sqrt(1 + trace);
      q = {(r[7] - r[5]) / s, (r[2] - r[6]) / s, (r[3] - r[1]) / s, s / 4};
    } else {
      const int a = r[0] > r[4] && r[0] > r[8] ? 0 : r[4] > r[8] ? 1 : 2;
      const int b = (a + 1) % 3;
      const int c = (a + 2) % 3;
      const double s = 2 * std::sqrt(1 + r[4 * a] - r[4 * b] - r[4 * c]);
      q[a] = s / 4;
      q[b] = (r[3 * a + b] + r[3 * b + a]) / s;
      q[c] = (r[3 * a + c] + r[3 * c + a]) / s;
      q[3] = (r[3 * c + b] - r[3 * b + c]) / s;
    }
    poses += numbered("%d.004", 100 + i);
    for (const double value : pose.translation) poses += " " + number_text(value);
    for (const double value : q) poses += " " + number_text(value);
    poses += "\n";
  }
  photos += "150.000 rgb/lost.png\n";  // no pose within 0.02 s
  write("rgbd_dataset_freiburg2_desk/rgb.txt", photos);
  write("rgbd_dataset_freiburg2_desk/depth.txt", depth);
  write("rgbd_dataset_freiburg2_desk/groundtruth.txt", poses);
  write("rgbd_dataset_freiburg1_xyz/rgb.txt", photos);
  const auto sequences = load("tum").sequences;
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_THAT(sequences[0].problem, HasSubstr("freiburg1_xyz/groundtruth.txt"));
  expect_poses(sequences[1]);
  EXPECT_EQ(sequences[1].frames[0].camera.fx_px, 520.9);
  EXPECT_EQ(sequences[1].frames[0].depth.values_per_unit, 5000);
  EXPECT_THAT(sequences[1].frames[5].depth.path, HasSubstr("depth/5.png"));
}

TEST(Associate, TakesTheNearestPairsFirstAndEachOnce) {
  EXPECT_THAT(associate({1, 2, 3}, {2.05, 1.9, 0.5}, 0.3), ElementsAre(-1, 0, -1));
  EXPECT_THAT(associate({1, 1.1}, {1.08}, 0.2), ElementsAre(-1, 0));
  EXPECT_THAT(associate({1, 1.1}, {1.08, 0.9}, 0.2), ElementsAre(1, 0));
  EXPECT_THAT(associate({1}, {}, 0.2), ElementsAre(-1));
}

TEST_F(Loaders, ScanNet) {
  write("scene0000_00/intrinsic/intrinsic_color.txt",
        "1170 0 647 0\n0 1172 483 0\n0 0 1 0\n0 0 0 1\n");
  for (int i = 0; i < 12; ++i) {
    // Not padded: 10 comes after 9. The last two are swapped in name, and one was lost.
    const std::string number = std::to_string(i < 5 ? i : i + 1);
    write("scene0000_00/color/" + number + ".jpg");
    write("scene0000_00/depth/" + number + ".png");
    write("scene0000_00/pose/" + number + ".txt", matrix_text(world_from(truth_[i])));
  }
  write("scene0000_00/color/5.jpg");
  write("scene0000_00/pose/5.txt",
        "-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n");
  write("scene0001_00/color/0.jpg");
  write("scene0001_00/pose/0.txt", "1 0 0\n");
  const auto sequences = load("scannet").sequences;
  ASSERT_EQ(sequences.size(), 2);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].frames[0].camera.fx_px, 1170);
  EXPECT_EQ(sequences[0].frames[0].camera.width_px, 1296);
  EXPECT_THAT(sequences[1].problem, HasSubstr("0.txt: holds 3 numbers"));
}

// The container of one JPEG and, by zlib, one depth map for each pose.
std::string sens_bytes(const std::vector<std::array<float, 16>>& poses,
                       const std::string& picture) {
  std::string bytes;
  const auto put = [&](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  put(uint32_t{4});
  put(uint64_t{15});
  bytes += "StructureSensor";
  const std::array<float, 16> colour = {1170, 0, 647, 0, 0, 1172, 483, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  for (int i = 0; i < 4; ++i) put(i == 0 ? colour : std::array<float, 16>{});
  put(int32_t{2});  // JPEG
  put(int32_t{1});  // zlib
  for (const uint32_t size : {1296, 968, 2, 1}) put(size);
  put(1000.0F);
  put(uint64_t{poses.size()});
  // A zlib stream that is stored as it is: header, length and its complement, Adler-32.
  const std::string millimetres("\xe8\x03\xd0\x07", 4);  // 1000, 2000
  std::string packed("\x78\x01\x01\x04\x00\xfb\xff", 7);
  packed += millimetres;
  uint32_t a = 1;
  uint32_t b = 0;
  for (const char c : millimetres) {
    a += static_cast<uint8_t>(c);
    b += a;
  }
  for (const uint32_t each : {b >> 8, b, a >> 8, a}) packed += static_cast<char>(each & 0xff);
  for (const auto& pose : poses) {
    put(pose);
    put(uint64_t{1});
    put(uint64_t{2});
    put(uint64_t{picture.size()});
    put(uint64_t{packed.size()});
    bytes += picture + packed;
  }
  return bytes;
}

TEST_F(Loaders, ScanNetContainers) {
  std::vector<std::array<float, 16>> poses;
  for (const Camera& camera : truth_) {
    const Rigid pose = world_from(camera);
    poses.emplace_back();
    for (size_t k = 0; k < 9; ++k) {
      poses.back()[4 * (k / 3) + k % 3] = static_cast<float>(pose.rotation[k]);
    }
    for (size_t k = 0; k < 3; ++k) {
      poses.back()[4 * k + 3] = static_cast<float>(pose.translation[k]);
    }
  }
  poses.insert(poses.begin() + 2, std::array<float, 16>{});
  poses[2].fill(-INFINITY);
  const std::string whole = sens_bytes(poses, "picture");
  write("scene0000_00/scene0000_00.sens", whole);
  write("scene0000_00/scene0000_00_vh_clean_2.ply");
  write("scene0001_00/scene0001_00.sens", whole.substr(0, whole.size() - 3));
  write("scene0002_00/scene0002_00.sens", std::string("\3") + whole.substr(1));
  const auto sequences = load("scannet").sequences;
  ASSERT_EQ(sequences.size(), 3);
  constexpr double kFloat = 5e-6;  // of a product of numbers up to 6 in float32
  expect_poses(sequences[0], kFloat);
  EXPECT_EQ(sequences[0].scan.path, folder_.path() + "/scene0000_00/scene0000_00_vh_clean_2.ply");
  const Frame& frame = sequences[0].frames[2];
  EXPECT_EQ(whole.substr(frame.image_at, frame.image_bytes), "picture");
  EXPECT_GT(frame.image_at, sequences[0].frames[1].image_at);
  EXPECT_EQ(frame.camera.fx_px, 1170);
  EXPECT_EQ(frame.camera.width_px, 1296);
  EXPECT_EQ(frame.camera.cx_px, 647.5);
  EXPECT_TRUE(read_depth(frame.depth).equal(at::tensor({1.0f, 2.0f}).view({1, 2})));
  EXPECT_THAT(sequences[1].problem, HasSubstr("scene0001_00.sens: is cut off"));
  EXPECT_THAT(sequences[2].problem, HasSubstr("no .sens file of version 4, but of 3"));
}

TEST_F(Loaders, ScanNet50TakesEveryNth) {
  for (int i = 0; i < 103; ++i) {
    const std::string scene = numbered("scene%04d_00", i);
    write(scene + "/color/0.jpg");
    write(scene + "/pose/0.txt", matrix_text(world_from(truth_[0])));
  }
  const auto sequences = load("scannet").sequences;
  ASSERT_EQ(sequences.size(), 50);
  EXPECT_EQ(sequences[1].name, "scene0002_00");
  EXPECT_EQ(sequences[49].name, "scene0098_00");
  EXPECT_EQ(load("scannet", "all").sequences.size(), 103);
}

TEST_F(Loaders, Nrgbd) {
  std::string poses;
  for (int i = 0; i < 13; ++i) {
    write("staircase/images/" + numbered("img%d.png", i));
    write("staircase/depth/" + numbered("depth%d.png", i));
    if (i == 2) poses += "nan nan nan nan\nnan nan nan nan\nnan nan nan nan\nnan nan nan nan\n";
    if (i < 12) poses += matrix_text(opengl(truth_[i]));
  }
  write("staircase/poses.txt", poses);
  write("kitchen/images/img0.png");
  write("kitchen/poses.txt", poses);
  const auto sequences = load("nrgbd").sequences;
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_THAT(sequences[0].problem, HasSubstr("holds 13 poses for 1 photos"));
  expect_poses(sequences[1]);
  EXPECT_THAT(sequences[1].frames[2].image, HasSubstr("img3.png"));
  EXPECT_THAT(sequences[1].frames[11].depth.path, HasSubstr("depth12.png"));
  EXPECT_NEAR(sequences[1].frames[0].camera.fx_px, 554.256, 1e-3);
}

}  // namespace
}  // namespace vggt::datasets
