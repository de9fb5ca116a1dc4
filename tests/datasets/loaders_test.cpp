// SPDX-License-Identifier: Apache-2.0
// Each loader on a tiny data set in its exact layout, whole and broken: of photos.
#include "datasets/dtu.h"
#include "datasets/registry.h"

#include "datasets/eth3d.h"
#include "src/base/error.h"
#include "src/image/picture_file.h"
#include "src/io/colmap.h"
#include "src/io/npy.h"
#include "src/io/npz.h"
#include "src/io/scene_folder.h"
#include "src/io/transforms.h"
#include "tests/datasets/loaders.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>

namespace vggt::datasets {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  // How the poses were found decides how far they can be trusted; the first words are vggt synth's.
  const std::pair<const char*, const char*> trusts[] = {
      {"synthetic, exact", "exact"},
      {"HoloLens inside-out tracking, c2w", "sensor tracking"},
      {"COLMAP poses shipped as transforms.json", "published SfM"},
      {"CO3D annotation (COLMAP by the CO3D authors)", "published SfM"},
      {"COLMAP 3.8, shared camera", "own SfM"},
      {"own SfM", "own SfM"},
      {"Published SfM of the Fox", "published SfM"},
      {"exact", "exact"},
      {"sensor tracking", "sensor tracking"},
      {"Ground truth, checked by structure from motion", "ground truth"},
      {"Structure from motion here, checked by GPS", "own SfM"},
      {"by hand", "unstated"}};
  for (const auto& [source, trust] : trusts) {
    scene.pose_source = source;
    write_scene_cameras(folder_.file("room"), scene);
    EXPECT_EQ(load("scenes").sequences[1].trust, trust) << source;
  }
}

TEST(SplitOf, RefusesWhatASetDoesNotHave) {
  EXPECT_EQ(split_of(loader("7scenes"), ""), "test");
  EXPECT_EQ(split_of(loader("7scenes"), "all"), "all");
  EXPECT_EQ(split_of(loader("scenes"), ""), "");
  EXPECT_EQ(split_of(loader("tum"), "90"), "90");
  for (const char* name : {"7scenes", "co3d", "dtu", "re10k", "scannet", "tum"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { split_of(loader(name), "tset"); }),
                HasSubstr("'tset' is none of those of " + std::string(name)));
  }
  EXPECT_THAT(message_of<ConfigError>([] { split_of(loader("kitti"), "test"); }),
              HasSubstr("kitti has no parts"));
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

TEST_F(Loaders, DtuCountsDepthInsideTheErodedMask) {
  const std::string photo = read_bytes("tests/golden/preprocess/images/rgb_portrait_90x160.png");
  write("scan1/images/00000000.png", photo);
  write("scan1/cams/00000000_cam.txt",
        "extrinsic\n" + matrix_text(cam_from_world(truth_[0])) +
            "\nintrinsic\n100 0 45\n0 100 80\n0 0 1\n\n425 2.5\n");
  fs::create_directories(folder_.file("scan1/depths"));
  fs::create_directories(folder_.file("scan1/binary_masks"));
  write_npy(folder_.file("scan1/depths/00000000.npy"), at::full({20, 40}, 700.0, at::kFloat));
  const at::Tensor mask = at::ones({3, 20, 40}, at::kFloat);
  mask.slice(2, 0, 10).fill_(0);
  write_picture(folder_.file("scan1/binary_masks/00000000.png"), mask);
  const at::Tensor depth = read_depth(load("dtu").sequences.at(0).frames.at(0).depth);
  // Of columns 10 .. 39 the first five are near the hidden ones; a border of the picture hides none.
  EXPECT_EQ(depth.sum().item<double>(), 700 * 20 * 25);
  EXPECT_EQ(depth[0][15].item<float>(), 700);
}

TEST_F(Loaders, DtuOfNeus) {
  const std::string photo = read_bytes("tests/golden/preprocess/images/rgb_portrait_90x160.png");
  NpzFile projections;
  for (int i = 0; i < 12; ++i) {
    write("dtu_scan24/image/" + numbered("%03d.png", i), photo);
    at::Tensor matrix = at::eye(4, at::kDouble);
    const at::Tensor k =
        at::tensor({2900.0, 0.5, 45.0, 0.0, 2890.0, 80.0, 0.0, 0.0, 1.0}, at::kDouble).view({3, 3});
    const Rigid pose = cam_from_world(truth_[i]);
    const at::Tensor r = at::tensor(pose.rotation, at::kDouble).view({3, 3});
    const at::Tensor t = at::tensor(pose.translation, at::kDouble).view({3, 1});
    // A projection has no scale and no sign.
    matrix.slice(0, 0, 3).copy_((i == 3 ? -2.5 : 1.0) * at::matmul(k, at::cat({r, t}, 1)));
    projections.tensors["world_mat_" + std::to_string(i)] = matrix;
    projections.tensors["scale_mat_" + std::to_string(i)] = 300 * at::eye(4, at::kDouble);
  }
  write_npz(folder_.file("dtu_scan24/cameras_sphere.npz"), projections);
  write("scan37/image/000000.png", photo);
  projections.tensors.erase("world_mat_0");
  write_npz(folder_.file("scan37/cameras_sphere.npz"), projections);
  const auto sequences = load("dtu").sequences;
  ASSERT_EQ(sequences.size(), 2);
  expect_poses(sequences[0]);
  EXPECT_NEAR(sequences[0].frames[3].camera.fx_px, 2900, 1e-9);
  EXPECT_NEAR(sequences[0].frames[3].camera.fy_px, 2890, 1e-9);
  EXPECT_NEAR(sequences[0].frames[3].camera.cx_px, 45, 1e-9);
  EXPECT_THAT(sequences[1].problem, HasSubstr("no 4 x 4 matrix world_mat_0 for image/000000.png"));
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

// The volume of the test of MATLAB files, and a plane.
TEST_F(Loaders, DtuFindsTheScanThatPointsAreComparedWith) {
  const std::string photo = read_bytes("tests/golden/preprocess/images/rgb_portrait_90x160.png");
  for (const std::string scan : {"scan1", "scan24"}) {
    write(scan + "/images/00000000.png", photo);
    write(scan + "/cams/00000000_cam.txt",
          "extrinsic\n" + matrix_text(cam_from_world(truth_[0])) +
              "\nintrinsic\n100 0 45\n0 100 80\n0 0 1\n\n425 2.5\n");
  }
  write("Points/stl/stl024_total.ply", "ply");
  write("ObsMask/ObsMask24_10.mat", read_bytes("tests/golden/dtu/ObsMask24_10.mat"));
  write("Points/stl/stl001_total.ply", "ply");
  write("ObsMask/Plane24.mat", read_bytes("tests/golden/dtu/Plane24.mat"));
  const auto sequences = load("dtu").sequences;
  ASSERT_EQ(sequences.size(), 2);
  EXPECT_EQ(sequences[0].scan.path, "");  // its masks are not there
  const ScanFile scan = sequences[1].scan;
  EXPECT_THAT(scan.path, HasSubstr("Points/stl/stl024_total.ply"));
  const ObservedVolume volume = read_observed(scan);
  EXPECT_EQ(volume.cubes.sizes(), (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(volume.cubes.sum().item<int64_t>(), 2);
  EXPECT_TRUE(volume.cubes[1][0][2].item<bool>());
  EXPECT_EQ(volume.low, (std::array<double, 3>{0, 10, 20}));
  EXPECT_EQ(volume.high, (std::array<double, 3>{20, 40, 60}));
  EXPECT_EQ(volume.cube, 10);
  EXPECT_EQ(volume.plane, (std::array<double, 4>{0.25, 0.5, -1.5, 3}));
  write("ObsMask/ObsMask24_10.mat", read_bytes("tests/golden/dtu/Plane24.mat"));
  EXPECT_THAT(message_of<IoError>([&] { read_observed(scan); }),
              HasSubstr("ObsMask24_10.mat: holds no array ObsMask"));
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

TEST_F(Loaders, Eth3dDepthIsUndistorted) {
  const std::string undistorted = "office/dslr_calibration_undistorted";
  const std::string distorted = "office/dslr_calibration_jpg";
  fs::create_directories(folder_.file(undistorted));
  fs::create_directories(folder_.file(distorted));
  ColmapModel model = model_of({truth_[0]}, "dslr_images_undistorted/DSC_");
  model.cameras = {{1, 8, 6, 4, 4, 4, 3}};
  write_colmap_text(folder_.file(undistorted), model);
  model.images[0].name = "dslr_images/DSC_1.jpg";
  model.images[0].camera_id = 7;
  model.cameras[0].id = 7;
  write_colmap_text(folder_.file(distorted), model);
  // The middle is half a pixel off, and the picture is smaller.
  write(distorted + "/cameras.txt",
        "# comment\n7 THIN_PRISM_FISHEYE 6 4 4 4 3 2 0 0 0 0 0 0 0 0\n");
  std::vector<float> values(24);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1 + static_cast<float>(i);
  values[9] = INFINITY;
  write("office/ground_truth_depth/dslr_images/DSC_1.jpg",
        std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size()));
  const auto sequence = load("eth3d").sequences.at(0);
  ASSERT_EQ(sequence.problem, "");
  const at::Tensor depth = read_depth(sequence.frames.at(0).depth);
  ASSERT_EQ(depth.sizes(), at::IntArrayRef({6, 8}));
  // Pixel (5, 3) looks to x / z = 1.5 / 4, y / z = 0.5 / 4, which the fisheye shows at
  // 4 * 0.357 + 3, 4 * 0.119 + 2: its pixel (4, 2).
  EXPECT_EQ(depth[3][5].item<float>(), values[2 * 6 + 4]);
  EXPECT_EQ(depth[2][3].item<float>(), values[1 * 6 + 2]);
  EXPECT_EQ(depth[2][4].item<float>(), 0);  // (3, 1): not finite
  // The lowest row looks 2.5 / 4 down, to 4.23: below the last row.
  EXPECT_EQ(depth[5][4].item<float>(), 0);
  write(distorted + "/cameras.txt", "7 OPENCV 6 4 4 4 3 2 0 0 0 0\n");
  EXPECT_THAT(load("eth3d").sequences.at(0).problem, HasSubstr("no THIN_PRISM_FISHEYE"));
}

TEST(Fisheye, EachParameterBendsInItsWay) {
  constexpr double x = 0.4;
  constexpr double y = -0.3;
  const double theta = std::atan(0.5);
  const double u = theta * 0.8;
  const double v = theta * -0.6;
  const double r2 = theta * theta;
  const double bends[8][2] = {{u * r2, v * r2},
                              {u * r2 * r2, v * r2 * r2},
                              {2 * u * v, r2 + 2 * v * v},
                              {r2 + 2 * u * u, 2 * u * v},
                              {u * r2 * r2 * r2, v * r2 * r2 * r2},
                              {u * r2 * r2 * r2 * r2, v * r2 * r2 * r2 * r2},
                              {r2, 0},
                              {0, r2}};
  for (size_t k = 0; k < 8; ++k) {
    FisheyeLens lens = {500, 400, 30, 20};
    lens[4 + k] = 0.1;
    const auto [px, py] = distorted_px(lens, x, y);
    EXPECT_NEAR(px, 500 * (u + 0.1 * bends[k][0]) + 30, 1e-10) << k;
    EXPECT_NEAR(py, 400 * (v + 0.1 * bends[k][1]) + 20, 1e-10) << k;
  }
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
  for (const char* file : {"Barn/Barn.ply", "Barn/Barn_trans.txt", "Barn/Barn.json", "Truck.ply"}) {
    write(file);
  }
  write("Truck/Truck_COLMAP_SfM.log", log);
  write("Truck/images/000001.jpg");
  fs::create_directories(folder_.file("Church/sparse/0"));
  write_colmap(folder_.file("Church/sparse/0"), model_of(truth_, ""));
  const auto sequences = load("tanks").sequences;
  ASSERT_EQ(sequences.size(), 3);
  expect_poses(sequences[0]);
  EXPECT_EQ(sequences[0].scan.path, folder_.path() + "/Barn/Barn.ply");
  EXPECT_EQ(sequences[0].scan.f_distance, 0.01);
  EXPECT_EQ(sequences[2].scan.path, "");  // nothing says how it lies in the photos' world
  EXPECT_EQ(sequences[1].frames.size(), 12);
  EXPECT_THAT(sequences[2].problem, HasSubstr("tells of photo 2, but"));
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

TEST_F(Loaders, TransformsJsonWithDepth) {
  write("a.png");
  const std::string frame =
      R"("frames": [{"file_path": "a.png", "depth_file_path": "depth/a.png",
         "transform_matrix": [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}])";
  write("transforms.json", "{" + frame + "}");
  const auto nerfstudio = load("transforms").sequences.at(0).frames.at(0).depth;
  EXPECT_THAT(nerfstudio.path, HasSubstr("/depth/a.png"));
  EXPECT_EQ(nerfstudio.values_per_unit, 1000);
  write("transforms.json", R"({"integer_depth_scale": 0.25, )" + frame + "}");
  EXPECT_EQ(load("transforms").sequences.at(0).frames.at(0).depth.values_per_unit, 4);
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
