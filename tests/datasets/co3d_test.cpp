// SPDX-License-Identifier: Apache-2.0
#include "datasets/co3d.h"

#include "src/base/error.h"
#include "tests/support/camera_path.h"
#include "tests/support/co3d_tree.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace vggt::datasets {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using vggt::testing::Co3dTree;
using vggt::testing::winding_path;

std::vector<Co3dTree::Frame> frames_of(int64_t count) {
  std::vector<Co3dTree::Frame> frames;
  for (Camera camera : winding_path(count)) {
    camera.width_px = 300;
    camera.height_px = 500;
    camera.fx_px = 333;
    camera.fy_px = 444;
    camera.cx_px = 140;
    camera.cy_px = 260;
    frames.push_back({.camera = camera});
  }
  return frames;
}

TEST(Co3d, TurnsPyTorch3dIntoOpenCv) {
  const Rigid pose = from_pytorch3d({1, 0, 0, 0, 1, 0, 0, 0, 1}, {1, 2, 3});
  EXPECT_EQ(pose.rotation, (std::array<double, 9>{-1, 0, 0, 0, -1, 0, 0, 0, 1}));
  EXPECT_EQ(pose.translation, (std::array<double, 3>{-1, -2, 3}));
  // A point to the right of, above and before us in PyTorch3D's axes is at -x, +y there.
  const Rigid turned = from_pytorch3d({0, 1, 0, -1, 0, 0, 0, 0, 1}, {0, 0, 0});
  EXPECT_EQ(turned.rotation, (std::array<double, 9>{0, 1, 0, -1, 0, 0, 0, 0, 1}));
}

TEST(Co3d, ReadsAnnotationsAndSetLists) {
  TemporaryFolder folder;
  Co3dTree tree(folder.path());
  auto frames = frames_of(6);
  frames[2].in_test = false;
  tree.add_sequence("bench", "12_34_56", frames, 0.9);
  tree.add_sequence("apple", "9_9_9", frames_of(4), 0.51);
  tree.add_sequence("apple", "10_9_9", frames_of(3), 0.51);
  tree.add_sequence("apple", "poor", frames_of(3), 0.5);  // strictly above
  tree.add_sequence("apple", "unrated", frames_of(3), std::nullopt);
  tree.write();
  const Dataset dataset = load_co3d({folder.path(), "test"});
  ASSERT_EQ(dataset.sequences.size(), 3);
  // Categories in the published order, names byte by byte: "10" before "9".
  EXPECT_EQ(dataset.sequences[0].name, "apple/10_9_9");
  EXPECT_EQ(dataset.sequences[1].name, "apple/9_9_9");
  const Sequence& bench = dataset.sequences[2];
  EXPECT_EQ(bench.name, "bench/12_34_56");
  EXPECT_EQ(bench.category, "bench");
  EXPECT_EQ(bench.problem, "");
  ASSERT_EQ(bench.frames.size(), 5);
  EXPECT_EQ(bench.frames[2].image,
            folder.path() + "/bench/12_34_56/images/frame000004.jpg");  // the third is in train
  const Camera& camera = bench.frames[2].camera;
  const Camera& truth = frames[3].camera;
  for (int k = 0; k < 9; ++k) EXPECT_DOUBLE_EQ(camera.rotation[k], truth.rotation[k]);
  for (int k = 0; k < 3; ++k) EXPECT_DOUBLE_EQ(camera.translation[k], truth.translation[k]);
  EXPECT_DOUBLE_EQ(camera.fx_px, 333);
  EXPECT_DOUBLE_EQ(camera.fy_px, 444);
  EXPECT_DOUBLE_EQ(camera.cx_px, 140);
  EXPECT_DOUBLE_EQ(camera.cy_px, 260);
  EXPECT_EQ(camera.width_px, 300);
  EXPECT_EQ(camera.height_px, 500);
  ASSERT_EQ(dataset.problems.size(), 1);
  EXPECT_THAT(dataset.problems[0], HasSubstr("39 of 41 categories are not there"));
  EXPECT_EQ(load_co3d({folder.path(), "train"}).sequences.size(), 1);
}

TEST(Co3d, ABrokenFrameSpoilsItsSequenceOnly) {
  TemporaryFolder folder;
  Co3dTree tree(folder.path());
  auto without_viewpoint = frames_of(4);
  without_viewpoint[1].with_viewpoint = false;
  auto without_annotation = frames_of(4);
  without_annotation[3].annotated = false;
  auto far_away = frames_of(4);
  far_away[0].camera.translation = {0, 0, 2e5};
  auto no_rotation = frames_of(4);
  no_rotation[2].camera.rotation = {1, 0, 0, 0, 1, 0, 0, 0, 2};
  tree.add_sequence("apple", "a", without_viewpoint, 1);
  tree.add_sequence("apple", "b", without_annotation, 1);
  tree.add_sequence("apple", "c", far_away, 1);
  tree.add_sequence("apple", "d", no_rotation, 1);
  tree.add_sequence("apple", "e", frames_of(4), 1);
  tree.write();
  const auto sequences = load_co3d({folder.path(), "test"}).sequences;
  ASSERT_EQ(sequences.size(), 5);
  EXPECT_THAT(sequences[0].problem, HasSubstr("frame_number 10 is not usable"));
  EXPECT_THAT(sequences[0].problem, HasSubstr("viewpoint"));
  EXPECT_THAT(sequences[1].problem, HasSubstr("frame_number 16 is not usable: it is missing"));
  EXPECT_THAT(sequences[2].problem, HasSubstr("1e5"));
  EXPECT_THAT(sequences[3].problem, HasSubstr("no rotation and translation"));
  EXPECT_EQ(sequences[4].problem, "");
  // Spoilt ones still take their draw, but what the protocol leaves out does not.
  for (const Sequence& sequence : sequences) {
    EXPECT_EQ(sequence.frames.size(), 4);
    EXPECT_EQ(sequence.left_out_by_protocol, sequence.name == "apple/c");
  }
}

TEST(Co3d, ABrokenCategoryIsNamedAndTheRestGoesOn) {
  TemporaryFolder folder;
  Co3dTree tree(folder.path());
  for (const char* category : {"apple", "bench", "cup", "vase"}) {
    tree.add_sequence(category, "s", frames_of(3), 1);
  }
  tree.write();
  const std::string bench = folder.path() + "/bench/frame_annotations.jgz";
  const std::string whole = read_bytes(bench);
  folder.write("bench/frame_annotations.jgz", whole.substr(0, whole.size() / 2));
  vggt::testing::write_gzip(folder.file("cup/sequence_annotations.jgz"), "[{\"sequence_name\": ");
  std::filesystem::remove(folder.file("vase/set_lists/set_lists_fewview_dev.json"));
  const Dataset dataset = load_co3d({folder.path(), "test"});
  ASSERT_EQ(dataset.sequences.size(), 1);
  EXPECT_EQ(dataset.sequences[0].name, "apple/s");
  ASSERT_EQ(dataset.problems.size(), 4);
  EXPECT_THAT(dataset.problems[0], HasSubstr("bench/frame_annotations.jgz: is damaged or cut off"));
  EXPECT_THAT(dataset.problems[1], HasSubstr("cup/sequence_annotations.jgz: is not the JSON"));
  EXPECT_THAT(dataset.problems[2], HasSubstr("vase/set_lists"));
}

TEST(Co3d, ACategoryWhoseListLacksTheSplitIsNamed) {
  TemporaryFolder folder;
  Co3dTree tree(folder.path());
  for (const char* category : {"apple", "bench"}) tree.add_sequence(category, "s", frames_of(3), 1);
  tree.write();
  folder.write("bench/set_lists/set_lists_fewview_dev.json", R"({"train": []})");
  const Dataset dataset = load_co3d({folder.path(), "test"});
  ASSERT_EQ(dataset.sequences.size(), 1);
  EXPECT_THAT(dataset.problems.at(0),
              AllOf(HasSubstr("bench/set_lists"), HasSubstr("no frames under \"test\"")));
}

TEST(Co3d, ReadsBothKindsOfIntermediateFiles) {
  TemporaryFolder folder;
  const Camera camera = winding_path(2)[1];
  const auto& r = camera.rotation;
  const auto& t = camera.translation;
  const nlohmann::json pytorch = {
      {"filepath", "apple/s/images/frame000001.jpg"},
      {"R", {{-r[0], -r[3], r[6]}, {-r[1], -r[4], r[7]}, {-r[2], -r[5], r[8]}}},
      {"T", {-t[0], -t[1], t[2]}},
      {"focal_length", {2, 2}},
      {"principal_point", {0, 0}}};
  const nlohmann::json opencv = {
      {"filepath", "bowl/s/images/frame000001.jpg"},
      {"extri", {{r[0], r[1], r[2], t[0]}, {r[3], r[4], r[5], t[1]}, {r[6], r[7], r[8], t[2]}}},
      {"intri", {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}};
  vggt::testing::write_gzip(folder.file("apple_test.jgz"),
                            nlohmann::json{{"s", {pytorch, pytorch}}}.dump());
  vggt::testing::write_gzip(folder.file("bowl_test.jgz"),
                            nlohmann::json{{"s", {opencv}}, {"t", {{{"filepath", "x"}}}}}.dump());
  const auto sequences = load_co3d({folder.path(), "test"}).sequences;
  ASSERT_EQ(sequences.size(), 3);
  EXPECT_EQ(sequences[0].frames.size(), 2);
  EXPECT_EQ(sequences[0].frames[0].image, folder.path() + "/apple/s/images/frame000001.jpg");
  for (size_t s = 0; s < 2; ++s) {
    const Camera& read = sequences[s].frames[0].camera;
    for (int k = 0; k < 9; ++k) EXPECT_DOUBLE_EQ(read.rotation[k], r[k]);
    for (int k = 0; k < 3; ++k) EXPECT_DOUBLE_EQ(read.translation[k], t[k]);
  }
  EXPECT_THAT(sequences[2].problem, HasSubstr("frame 0 is not usable"));
}

TEST(Co3d, AnotherFolderIsRefused) {
  TemporaryFolder folder;
  EXPECT_THAT(message_of<ConfigError>([&] {
                load_co3d({folder.path(), "test"});
              }),
              HasSubstr("none of CO3D's categories"));
  EXPECT_THAT(message_of<ConfigError>([&] {
                load_co3d({folder.file("none"), "test"});
              }),
              HasSubstr("is no folder"));
}

}  // namespace
}  // namespace vggt::datasets
