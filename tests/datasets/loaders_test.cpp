// SPDX-License-Identifier: Apache-2.0
// Each loader on a tiny data set in its exact layout, whole and broken.
#include "datasets/registry.h"

#include "datasets/tum_rgbd.h"
#include "src/base/error.h"
#include "src/io/colmap.h"
#include "src/io/npy.h"
#include "src/io/scene_folder.h"
#include "src/io/text_file.h"
#include "src/io/transforms.h"
#include "tests/support/camera_path.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace vggt::datasets {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using vggt::testing::winding_path;

constexpr double kRounding = 1e-12;  // of numbers written with 17 digits, and one inversion

class Loaders : public ::testing::Test {
 protected:
  // A file with its folders.
  void write(const std::string& name, const std::string& bytes = "x") {
    fs::create_directories(fs::path(folder_.file(name)).parent_path());
    folder_.write(name, bytes);
  }

  Dataset load(const std::string& dataset, const std::string& split = "") {
    const Loader& found = loader(dataset);
    return found.load({folder_.path(), split.empty() ? found.protocol.default_split : split});
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
      EXPECT_TRUE(fs::exists(sequence.frames[i].image)) << sequence.frames[i].image;
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
  std::vector<Camera> truth_ = winding_path(12);
};

TEST_F(Loaders, ScenesWithCamerasJson) {
  SceneCameras scene{
      .metric_scale = true, .pose_source = "Robot gantry calibration", .depth_scale = 1000};
  for (int i = 0; i < 12; ++i) {
    scene.frames.push_back({numbered("%02d.jpg", i), numbered("depth/%02d.png", i), truth_[i]});
    write("room/images/" + scene.frames.back().file);
  }
  write_scene_cameras(folder_.file("room"), scene);
  write("broken/cameras.json", "{\"convention\": ");
  const Dataset dataset = load("scenes");
  ASSERT_EQ(dataset.sequences.size(), 2);
  EXPECT_THAT(dataset.sequences[0].problem, HasSubstr("broken/cameras.json"));
  const Sequence& room = dataset.sequences[1];
  expect_poses(room);
  EXPECT_EQ(room.category, "room");
  EXPECT_EQ(room.trust, "ground truth");
  EXPECT_EQ(room.units_per_metre, 1);
  EXPECT_EQ(room.frames[3].depth.path, folder_.path() + "/room/depth/03.png");
  EXPECT_EQ(room.frames[3].depth.values_per_unit, 1000);
  EXPECT_EQ(loader("scenes").load({folder_.file("room"), ""}).sequences[0].name, "room");
}

TEST_F(Loaders, RealEstate10K) {
  std::string text = "https://www.youtube.com/watch?v=0\n";
  for (int i = 0; i < 12; ++i) {
    text += std::to_string(33000 * i) + " 0.5 0.9 0.5 0.5 0 0 " +
            matrix_text(cam_from_world(truth_[i]), 3);
    write("abc/images/" + numbered("%04d.png", i));
  }
  write("test/abc.txt", text);
  write("test/fewer.txt", text);
  write("fewer/images/0000.png");
  write("test/none.txt", text);
  write("test/short.txt", "url\n1 2 3\n");
  write("short/images/0000.png");
  const auto sequences = load("re10k").sequences;
  ASSERT_EQ(sequences.size(), 4);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].category, "re10k");
  EXPECT_THAT(sequences[1].problem, HasSubstr("holds 1 photos for the 12 lines"));
  EXPECT_THAT(sequences[2].problem, HasSubstr("none: is missing"));
  EXPECT_THAT(sequences[3].problem, HasSubstr("line 2 does not hold 19 numbers"));
}

TEST_F(Loaders, RealEstate10KWithAnnotations) {
  std::string json;
  for (int i = 0; i < 12; ++i) {
    const std::string file = numbered("images/%04d.png", i);
    write("abc/" + file);
    std::string rows;
    for (int row = 0; row < 3; ++row) {
      rows += "[";
      for (int k = 0; k < 3; ++k) rows += number_text(truth_[i].rotation[3 * row + k]) + ",";
      rows += number_text(truth_[i].translation[row]) + "],";
    }
    json += (i ? "," : "[") + std::string("{\"idx\": ") + std::to_string(i) + ", \"filepath\": \"" +
            file + "\", \"intrinsics\": [[500,0,320],[0,510,180],[0,0,1]], \"extrinsics\": [" +
            rows + "[0,0,0,1]]}";
  }
  write("abc/annotations.json", json + "]");
  const auto sequences = load("re10k").sequences;
  ASSERT_EQ(sequences.size(), 1);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].frames[0].camera.fy_px, 510);
}

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

TEST_F(Loaders, Dtu) {
  const std::string photo = read_bytes("tests/golden/preprocess/images/rgb_portrait_90x160.png");
  for (int i = 0; i < 12; ++i) {
    const std::string stem = numbered("%08d", i);
    write("scan1/images/" + stem + ".png", photo);
    // The intrinsics are those of a picture four times smaller than 90 x 160.
    write("scan1/cams/" + stem + "_cam.txt",
          "extrinsic\n" + matrix_text(cam_from_world(truth_[i])) +
              "\nintrinsic\n25 0 11\n0 26 20\n0 0 1\n\n425 2.5\n");
  }
  write_npy(folder_.file("depth.npy"), at::full({20, 10}, 700.0, at::kFloat));
  write("scan1/depths/00000000.npy", read_bytes(folder_.file("depth.npy")));
  write("scan4/images/00000000.png", photo);
  write("scan4/cams/00000000_cam.txt", "extrinsic\n1 0 0\n");
  write("scan2/images/00000000.png", photo);  // not of the test scans
  const auto sequences = load("dtu").sequences;
  ASSERT_EQ(sequences.size(), 2);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].frames[0].camera.fx_px, 100);
  EXPECT_EQ(sequences[0].frames[0].camera.cy_px, 80);
  EXPECT_EQ(sequences[0].frames[0].camera.width_px, 90);
  EXPECT_EQ(sequences[0].units_per_metre, 1000);
  EXPECT_EQ(read_depth(sequences[0].frames[0].depth).sum().item<double>(), 700 * 200);
  EXPECT_EQ(sequences[0].frames[1].depth.path, "");
  EXPECT_THAT(sequences[1].problem, HasSubstr("00000000_cam.txt: is no camera of MVSNet"));
}

TEST_F(Loaders, DtuWithCommonCameras) {
  const std::string photo = read_bytes("tests/golden/preprocess/images/rgb_portrait_90x160.png");
  for (int i = 0; i < 12; ++i) {
    write("Cameras/" + numbered("%08d_cam.txt", i),
          "extrinsic\n" + matrix_text(cam_from_world(truth_[i])) +
              "\nintrinsic\n100 0 45\n0 100 80\n0 0 1\n\n425 2.5 192 935\n");
    write("Rectified/scan9/" + numbered("rect_%03d_3_r5000.png", i + 1), photo);
    write("Rectified/scan9/" + numbered("rect_%03d_0_r5000.png", i + 1), photo);
  }
  write("Depths/scan9/depth_map_0002.pfm",
        "Pf\n2 1\n-1.0\n" + std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  const auto sequences = load("dtu").sequences;
  ASSERT_EQ(sequences.size(), 1);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].frames[0].camera.fx_px, 100);
  EXPECT_EQ(read_depth(sequences[0].frames[2].depth)[0][1].item<float>(), 2);
}

ColmapModel model_of(const std::vector<Camera>& cameras, const std::string& prefix) {
  ColmapModel model;
  model.cameras = {{1, 640, 480, 500, 510, 320, 240}};
  for (size_t i = 0; i < cameras.size(); ++i) {
    // Half a turn about z, so that the quaternion is easily written: (0, 0, 1, 0) times the place.
    ColmapModel::Image image{.id = static_cast<uint32_t>(i + 1)};
    image.rotation_wxyz = {0, 0, 0, 1};
    image.translation = cameras[i].translation;
    image.camera_id = 1;
    image.name = prefix + std::to_string(cameras.size() - i) + ".jpg";
    model.images.push_back(image);
  }
  return model;
}

TEST_F(Loaders, ColmapModels) {
  const ColmapModel model = model_of(truth_, "");
  fs::create_directories(folder_.file("binary/sparse/0"));
  fs::create_directories(folder_.file("text/sparse"));
  write_colmap(folder_.file("binary/sparse/0"), model);
  write_colmap_text(folder_.file("text/sparse"), model);
  folder_.write("text/sparse/cameras.txt", "1 OPENCV 640 480 500 510 320 240 0.1 -0.1 0 0\n");
  std::string camera;
  const auto put = [&](auto value) {
    camera.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  put(uint64_t{1});
  put(uint32_t{1});
  put(int32_t{4});  // OPENCV
  put(uint64_t{640});
  put(uint64_t{480});
  for (const double parameter : {500.0, 510.0, 320.0, 240.0, 0.1, -0.1, 0.0, 0.0}) put(parameter);
  folder_.write("binary/sparse/0/cameras.bin", camera);
  write("cut/sparse/0/images.bin", "abc");
  write("cut/sparse/0/cameras.bin", std::string(8, '\0'));
  const auto sequences = load("colmap").sequences;
  ASSERT_EQ(sequences.size(), 3);
  for (const size_t s : {size_t{0}, size_t{2}}) {
    EXPECT_EQ(sequences[s].problem, "");
    ASSERT_EQ(sequences[s].frames.size(), 12);
    // In natural order of names, the model's order turned round.
    EXPECT_THAT(sequences[s].frames[9].image, HasSubstr("images/10.jpg"));
    EXPECT_EQ(sequences[s].frames[0].camera.translation, truth_[11].translation);
    EXPECT_EQ(sequences[s].frames[0].camera.rotation,
              (std::array<double, 9>{-1, 0, 0, 0, -1, 0, 0, 0, 1}));
    EXPECT_EQ(sequences[s].frames[0].camera.fy_px, 510);
  }
  EXPECT_THAT(sequences[1].problem, HasSubstr("cut/sparse/0/images.bin"));
}

TEST_F(Loaders, Eth3d) {
  fs::create_directories(folder_.file("office/dslr_calibration_undistorted"));
  write_colmap_text(folder_.file("office/dslr_calibration_undistorted"),
                    model_of(truth_, "dslr_images_undistorted/DSC_"));
  fs::create_directories(folder_.file("pipes/dslr_calibration_undistorted"));
  const auto sequences = load("eth3d").sequences;
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_EQ(sequences[0].frames.size(), 12);
  EXPECT_EQ(sequences[0].frames[0].image,
            folder_.path() + "/office/images/dslr_images_undistorted/DSC_1.jpg");
  EXPECT_THAT(sequences[1].problem, HasSubstr("pipes/dslr_calibration_undistorted/cameras.txt"));
}

TEST_F(Loaders, Kitti) {
  std::string poses;
  for (int i = 0; i < 12; ++i) {
    poses += matrix_text(world_from(truth_[i]), 3);
    write("sequences/03/image_0/" + numbered("%06d.png", i));
    write("sequences/04/image_2/" + numbered("%06d.png", i));
  }
  const std::string calibration =
      "P0: 700 0 600 0 0 700 180 0 0 0 1 0\n"
      "P1: 700 0 600 -350 0 700 180 0 0 0 1 0\n"
      "P2: 700 0 600 42 0 700 180 0.7 0 0 1 0.005\n";
  write("sequences/03/calib.txt", calibration);
  write("sequences/04/calib.txt", calibration);
  write("sequences/05/calib.txt", "nothing\n");
  for (const char* name : {"03", "04", "05", "06"}) {
    write(std::string("poses/") + name + ".txt", poses);
  }
  const Dataset dataset = load("kitti");
  ASSERT_EQ(dataset.sequences.size(), 3);
  expect_poses(dataset.sequences[0]);
  EXPECT_EQ(dataset.sequences[0].frames[0].camera.cx_px, 600.5);
  // The colour camera sees a point where P2 says: its projection must agree.
  const Camera& colour = dataset.sequences[1].frames[3].camera;
  const double x[] = {1, 2, 10};  // in the grey camera
  const Rigid grey_from_world = cam_from_world(truth_[3]);
  const Rigid colour_from_grey = cam_from_world(colour) * inverse(grey_from_world);
  double p[3];
  for (int k = 0; k < 3; ++k) {
    p[k] = colour_from_grey.translation[k];
    for (int j = 0; j < 3; ++j) p[k] += colour_from_grey.rotation[3 * k + j] * x[j];
  }
  const double w = 10 + 0.005;
  EXPECT_NEAR(700 * p[0] / p[2] + 600, (700 * 1 + 600 * 10 + 42) / w, 1e-9);
  EXPECT_NEAR(700 * p[1] / p[2] + 180, (700 * 2 + 180 * 10 + 0.7) / w, 1e-9);
  EXPECT_THAT(dataset.sequences[2].problem, HasSubstr("05/calib.txt: holds no usable P0"));
  EXPECT_THAT(dataset.problems, ElementsAre(HasSubstr("sequences/06")));
}

TEST_F(Loaders, TanksAndTemples) {
  std::string log;
  for (int i = 0; i < 12; ++i) {
    log += numbered("%d ", i) + numbered("%d 0\n", i) + matrix_text(world_from(truth_[i]));
    write("Barn/" + numbered("%06d.jpg", i + 1));
  }
  write("Barn/Barn_COLMAP_SfM.log", log);
  write("Truck/Truck_COLMAP_SfM.log", log);
  write("Truck/images/000001.jpg");
  fs::create_directories(folder_.file("Church/sparse/0"));
  write_colmap(folder_.file("Church/sparse/0"), model_of(truth_, ""));
  const auto sequences = load("tanks").sequences;
  ASSERT_EQ(sequences.size(), 3);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[1].frames.size(), 12);
  EXPECT_THAT(sequences[2].problem, HasSubstr("tells of photo 2, but"));
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

TEST_F(Loaders, TransformsJson) {
  TransformsFile transforms;
  for (int i = 0; i < 12; ++i) {
    transforms.frames.push_back(
        frame_from_camera(numbered("./images/%02d", i), truth_[i]));  // without extension
    write("fox/images/" + numbered("%02d.jpg", i));
  }
  transforms.frames.push_back(frame_from_camera("images/gone.jpg", truth_[0]));
  write_transforms(folder_.file("fox") + "/transforms.json", transforms);
  write("lego/transforms.json",
        R"({"camera_angle_x": 0.69, "k1": 0.1, "frames": [{"file_path": "a.png"}]})");
  write("lego/a.png");
  const auto sequences = load("transforms").sequences;
  ASSERT_EQ(sequences.size(), 2);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].frames[0].camera.fx_px, 500);
  EXPECT_THAT(sequences[1].problem, HasSubstr("frame 0: transform_matrix"));
}

TEST_F(Loaders, EachRefusesAFolderOfSomethingElse) {
  write("something/else.txt");
  for (const Loader& each : loaders()) {
    EXPECT_THAT(message_of<ConfigError>([&] { load(each.name); }), HasSubstr("root")) << each.name;
  }
  EXPECT_THAT(message_of<ConfigError>([] { loader("imagenet"); }), HasSubstr("co3d"));
}

}  // namespace
}  // namespace vggt::datasets
