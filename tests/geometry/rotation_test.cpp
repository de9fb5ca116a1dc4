// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/rotation.h"

#include "tests/support/golden.h"
#include "tests/support/rows.h"

namespace vggt {
namespace {

using testing::expect_rows_near;
using testing::golden;
using testing::row_names;

// Sums of products of numbers up to 1: a few roundings of the result.
constexpr double kFloat = 5e-7;
constexpr double kDouble = 1e-15;

std::vector<std::string> quaternion_rows() {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back("random_unnormalised " + std::to_string(i));
  const auto encodings = row_names("pose_enc_rows");
  names.insert(names.end(), encodings.begin() + 24, encodings.end());
  return names;
}

TEST(QuaternionFromMatrix, AgreesWithTheOriginal) {
  auto rows = golden("geometry/rotation");
  const at::Tensor matrices = rows.at("matrix_f64");
  const auto names = row_names("matrix_rows");
  expect_rows_near(quaternion_from_matrix(matrices), rows.at("quat_xyzw_from_f64"), names, kDouble);
  expect_rows_near(quaternion_from_matrix(matrices.to(at::kFloat)),
                   rows.at("quat_xyzw_from_f32"),
                   names,
                   kFloat);
}

TEST(MatrixFromQuaternion, AgreesWithTheOriginal) {
  auto rows = golden("geometry/rotation");
  const at::Tensor quaternions = rows.at("quat_in_xyzw_f32");
  const auto names = quaternion_rows();
  // The square of tiny_quat's length underflows, what is left of it depends on the order of the
  // sum.
  const std::vector<std::string> left_out = {"tiny_quat"};
  expect_rows_near(matrix_from_quaternion(quaternions.to(at::kDouble)),
                   rows.at("matrix_from_quat_f64"),
                   names,
                   kDouble,
                   left_out);
  expect_rows_near(matrix_from_quaternion(quaternions),
                   rows.at("matrix_from_quat_f32"),
                   names,
                   kFloat,
                   left_out);
}

TEST(QuaternionFromMatrix, UndoesMatrixFromQuaternion) {
  const at::Tensor quaternions =
      golden("geometry/rotation").at("quat_in_xyzw_f32").slice(0, 0, 40).to(at::kDouble);
  const at::Tensor unit = quaternions / quaternions.norm(2, -1, true);
  const at::Tensor expected = at::where(unit.slice(1, 3) < 0, -unit, unit);
  const at::Tensor back = quaternion_from_matrix(matrix_from_quaternion(quaternions));
  // A rotation, a square root and a division.
  EXPECT_LT((back - expected).abs().max().item<double>(), 1e-14);
}

TEST(MatrixFromQuaternion, TakesAnyLeadingAxes) {
  const at::Tensor quaternions = golden("geometry/rotation").at("quat_in_xyzw_f32").slice(0, 0, 24);
  const at::Tensor flat = matrix_from_quaternion(quaternions);
  EXPECT_TRUE(at::equal(matrix_from_quaternion(quaternions.view({2, 3, 4, 4})),
                        flat.view({2, 3, 4, 3, 3})));
  EXPECT_TRUE(at::equal(quaternion_from_matrix(flat.view({4, 6, 3, 3})).view({24, 4}),
                        quaternion_from_matrix(flat)));
}

TEST(InverseSe3, AgreesWithTheOriginal) {
  auto rows = golden("geometry/inverse_se3");
  std::vector<std::string> names;
  for (int i = 0; i < 32; ++i) names.push_back("transform " + std::to_string(i));
  const at::Tensor wide = rows.at("se3_3x4_f64");
  const at::Tensor narrow = rows.at("se3_3x4_f32");
  expect_rows_near(inverse_se3(wide), rows.at("inverse_torch_f64"), names, kDouble);
  // The original's NumPy version, which computed in float32 too.
  expect_rows_near(
      inverse_se3(narrow).to(at::kDouble), rows.at("inverse_numpy_f64"), names, kFloat);
  expect_rows_near(inverse_se3(narrow), rows.at("inverse_torch_f32"), names, kFloat);
  const at::Tensor last = at::tensor({0, 0, 0, 1}, narrow.options()).expand({32, 1, 4});
  expect_rows_near(inverse_se3(at::cat({narrow, last}, 1)),
                   rows.at("inverse_from_4x4_torch_f32"),
                   names,
                   kFloat);
}

TEST(InverseSe3, UndoesTheTransform) {
  const at::Tensor quaternions =
      golden("geometry/rotation").at("quat_in_xyzw_f32").slice(0, 0, 32).to(at::kDouble);
  const at::Tensor translation = golden("geometry/inverse_se3").at("se3_3x4_f64").slice(2, 3, 4);
  const at::Tensor transform = at::cat({matrix_from_quaternion(quaternions), translation}, 2);
  const at::Tensor inverse = inverse_se3(transform);
  const at::Tensor full = at::cat({transform, inverse.slice(1, 3)}, 1);
  const at::Tensor identity = at::eye(4, at::kDouble).expand({32, 4, 4});
  // A few roundings of translations of a few units.
  EXPECT_LT((at::matmul(inverse, full) - identity).abs().max().item<double>(), 1e-13);
}

}  // namespace
}  // namespace vggt
