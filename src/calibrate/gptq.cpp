// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/gptq.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "src/base/error.h"

namespace vggt::calibrate {
namespace {

constexpr double kDamping = 0.01;
constexpr int64_t kColumns = 128;  // that are updated at once; a multiple of every group

at::Tensor damped(const at::Tensor& gram) {
  at::Tensor result = gram.clone();
  at::Tensor diagonal = result.diagonal();
  const at::Tensor mean = diagonal.mean();
  // An input that is always zero says nothing, of itself or others.
  diagonal.masked_fill_(diagonal == 0, 1);
  diagonal.add_(mean * kDamping);
  return result;
}

}  // namespace

void Moments::add(const at::Tensor& full, const at::Tensor& quantized) {
  const at::Tensor q = quantized.to(at::kDouble);
  const at::Tensor f = full.to(at::kDouble);
  if (!gram.defined()) {
    gram = at::zeros({q.size(1), q.size(1)}, at::kDouble);
    cross = at::zeros_like(gram);
  }
  gram.addmm_(q.t(), q);
  cross.addmm_(f.t(), q);
}

at::Tensor retargeted(const at::Tensor& weight, const Moments& moments) {
  // Damped on both sides, so that with equal inputs the weight stays what it is.
  const at::Tensor gram = damped(moments.gram);
  const at::Tensor product = at::mm(weight.to(at::kDouble), moments.cross + (gram - moments.gram));
  return at::cholesky_solve(product.t(), at::linalg_cholesky(gram)).t().contiguous();
}

kernels::QuantizedWeight gptq(const at::Tensor& weight,
                              const at::Tensor& gram,
                              const accel::QuantScheme& scheme,
                              const std::string& name) {
  accel::check_quantizable(weight, scheme, name);
  if (!gram.isfinite().all().item<bool>()) {
    throw ConfigError(name, "gets NaN or infinity from the calibration images");
  }
  const bool is_w4 = scheme.format == kernels::WeightFormat::kW4;
  const at::Tensor inverse = at::cholesky_inverse(at::linalg_cholesky(damped(gram)));
  const at::Tensor upper = at::linalg_cholesky(inverse).t().contiguous();
  at::Tensor w = weight.to(at::kDouble).clone();
  const int64_t in = w.size(1);
  at::Tensor codes;
  std::vector<at::Tensor> scales;
  std::vector<at::Tensor> zeros;
  accel::QuantGrid grid;
  if (!is_w4) grid = accel::quant_grid(w.to(at::kFloat), scheme, name);
  for (int64_t begin = 0; begin < in; begin += kColumns) {
    const int64_t end = std::min(begin + kColumns, in);
    at::Tensor errors = at::zeros({w.size(0), end - begin}, at::kDouble);
    for (int64_t k = begin; k < end; ++k) {
      if (is_w4 && k % scheme.group == 0) {
        grid = accel::quant_grid(w.slice(1, k, k + scheme.group).to(at::kFloat), scheme, name);
        scales.push_back(grid.scales);
        zeros.push_back(grid.zeros);
      }
      const at::Tensor column = w.select(1, k);
      const at::Tensor code = accel::encode(column.to(at::kFloat).unsqueeze(1), grid, scheme);
      if (!codes.defined()) codes = at::empty(w.sizes(), code.options());
      codes.select(1, k).copy_(code.squeeze(1));
      const at::Tensor error =
          (column - accel::decode(code, grid, scheme).squeeze(1).to(at::kDouble)) / upper[k][k];
      w.slice(1, k, end).addr_(error, upper[k].slice(0, k, end), 1, -1);
      errors.select(1, k - begin).copy_(error);
    }
    w.slice(1, end).addmm_(errors, upper.slice(0, begin, end).slice(1, end), 1, -1);
  }
  if (is_w4) grid = {at::stack(scales, 1), at::stack(zeros, 1)};
  return accel::packed(codes, grid, scheme);
}

}  // namespace vggt::calibrate
