// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/pose_encoding.h"

#include <gmock/gmock.h>

#include <limits>
#include <numbers>

#include "src/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/message_of.h"
#include "tests/support/rows.h"

namespace vggt {
namespace {

using testing::expect_rows_near;
using testing::golden;
using ::testing::HasSubstr;
using testing::row_names;

// A few roundings of numbers up to 1, and of the tangent relative to the focal length.
constexpr double kFloat = 1e-6;
constexpr double kDouble = 1e-15;
// What becomes of them depends on underflow and on the tangent next to its pole.
const std::vector<std::string> kIllConditioned = {"zero_quat", "tiny_quat", "fov_pi"};

struct Rows {
  std::map<std::string, at::Tensor> tensors = golden("geometry/pose_encoding");
  std::vector<std::string> names = row_names("pose_enc_rows");
  int64_t height = tensors.at("image_size_hw")[0].item<int64_t>();
  int64_t width = tensors.at("image_size_hw")[1].item<int64_t>();

  at::Tensor at(const std::string& name) const { return tensors.at(name)[0]; }
};

TEST(DecodePose, AgreesWithTheOriginal) {
  const Rows rows;
  const at::Tensor encoding = rows.tensors.at("pose_enc");
  const CameraMatrices narrow = decode_pose(encoding, rows.height, rows.width);
  expect_rows_near(
      narrow.extrinsics[0], rows.at("extrinsics_f32"), rows.names, kFloat, kIllConditioned);
  expect_rows_near(
      narrow.intrinsics[0], rows.at("intrinsics_f32"), rows.names, kFloat, kIllConditioned);
  const CameraMatrices wide = decode_pose(encoding.to(at::kDouble), rows.height, rows.width);
  expect_rows_near(
      wide.extrinsics[0], rows.at("extrinsics_f64"), rows.names, kDouble, kIllConditioned);
  expect_rows_near(
      wide.intrinsics[0], rows.at("intrinsics_from_f64"), rows.names, kFloat, kIllConditioned);
}

TEST(EncodePose, AgreesWithTheOriginal) {
  const Rows rows;
  const CameraMatrices narrow = {rows.tensors.at("extrinsics_f32"),
                                 rows.tensors.at("intrinsics_f32")};
  expect_rows_near(encode_pose(narrow, rows.height, rows.width)[0],
                   rows.at("roundtrip_from_f32"),
                   rows.names,
                   kFloat,
                   kIllConditioned);
  const CameraMatrices wide = {rows.tensors.at("extrinsics_f64"),
                               rows.tensors.at("intrinsics_from_f64")};
  expect_rows_near(encode_pose(wide, rows.height, rows.width)[0],
                   rows.at("roundtrip_from_f64"),
                   rows.names,
                   kFloat,
                   kIllConditioned);
}

TEST(EncodePose, UndoesDecodePose) {
  const Rows rows;
  const at::Tensor encoding = rows.at("pose_enc").slice(0, 0, 24);
  const at::Tensor back =
      encode_pose(decode_pose(encoding, rows.height, rows.width), rows.height, rows.width);
  const at::Tensor quaternion = encoding.slice(1, 3, 7);
  const at::Tensor unit = quaternion / quaternion.norm(2, -1, true);
  const at::Tensor expected = at::cat(
      {encoding.slice(1, 0, 3), at::where(unit.slice(1, 3) < 0, -unit, unit), encoding.slice(1, 7)},
      1);
  const std::vector<std::string> names(rows.names.begin(), rows.names.begin() + 24);
  // There and back in float32.
  expect_rows_near(back, expected, names, 2e-6);
}

// A camera that is looking along the world's z axis.
at::Tensor plain_encoding() {
  return at::tensor({0.5, -1.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.8, 1.0}, at::kDouble);
}

TEST(CamerasFromPose, AgreesWithTheMatrices) {
  const Rows rows;
  const at::Tensor encoding = rows.at("pose_enc").slice(0, 0, 24);
  const CameraMatrices matrices = decode_pose(encoding.to(at::kDouble), rows.height, rows.width);
  const std::vector<Camera> cameras = cameras_from_pose(encoding, rows.height, rows.width);
  ASSERT_EQ(cameras.size(), 24u);
  for (int64_t i = 0; i < 24; ++i) {
    const Camera& camera = cameras[static_cast<size_t>(i)];
    const auto extrinsic = [&](int64_t row, int64_t column) {
      return matrices.extrinsics[i][row][column].item<double>();
    };
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t column = 0; column < 3; ++column) {
        EXPECT_EQ(camera.rotation[static_cast<size_t>(3 * row + column)], extrinsic(row, column))
            << i;
      }
      EXPECT_EQ(camera.translation[static_cast<size_t>(row)], extrinsic(row, 3)) << i;
    }
    const auto intrinsic = [&](int64_t row, int64_t column) {
      return matrices.intrinsics[i][row][column].item<float>();
    };
    EXPECT_FLOAT_EQ(static_cast<float>(camera.fx_px), intrinsic(0, 0));
    EXPECT_FLOAT_EQ(static_cast<float>(camera.fy_px), intrinsic(1, 1));
    EXPECT_EQ(camera.cx_px, static_cast<double>(rows.width) / 2);
    EXPECT_EQ(camera.cy_px, static_cast<double>(rows.height) / 2);
    EXPECT_EQ(camera.width_px, rows.width);
    EXPECT_EQ(camera.height_px, rows.height);
  }
}

TEST(CamerasFromPose, PutsTheCentreWhereTheTranslationSays) {
  const Camera camera = cameras_from_pose(plain_encoding().unsqueeze(0), 70, 98).front();
  EXPECT_EQ(camera.centre_in_world(), (std::array<double, 3>{-0.5, 1.0, -2.0}));
}

TEST(CamerasFromPose, RefusesWhatIsNoCameraAndNamesTheFrame) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  struct Case {
    int64_t place;
    double value;
    const char* reason;
  };
  const std::vector<Case> cases = {{0, nan, "NaN"},
                                   {5, nan, "NaN"},
                                   {8, nan, "NaN"},
                                   {2, infinity, "infinity"},
                                   {6, 0, "zero quaternion"},
                                   {7, 0, "angle of view"},
                                   {8, 0, "angle of view"},
                                   {7, -0.1, "angle of view"},
                                   {8, std::numbers::pi, "angle of view"},
                                   {7, 3.2, "angle of view"}};
  for (const Case& bad : cases) {
    at::Tensor encodings = plain_encoding().repeat({3, 1});
    ASSERT_NO_THROW(cameras_from_pose(encodings, 70, 98));
    encodings[2][bad.place] = bad.value;
    const std::string message =
        message_of<ModelError>([&] { cameras_from_pose(encodings, 70, 98); });
    EXPECT_THAT(message, HasSubstr("frame 2")) << bad.place << " = " << bad.value;
    EXPECT_THAT(message, HasSubstr(bad.reason)) << bad.place << " = " << bad.value;
  }
}

}  // namespace
}  // namespace vggt
