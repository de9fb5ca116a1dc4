// SPDX-License-Identifier: Apache-2.0
#include "src/weights/quantized_file.h"

#include <ATen/ATen.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <utility>

#include "kernels/quantized_linear/quantized_linear.h"
#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/weights/mapped_file.h"

namespace vggt {
namespace {

using kernels::QuantizedWeight;
using kernels::WeightFormat;

// The matrix's shape without its memory.
at::Tensor placeholder(int64_t out, int64_t in) {
  return at::full({}, std::numeric_limits<float>::quiet_NaN(), at::kFloat).expand({out, in});
}

// Takes tensors of one layer out of a file.
class Parts {
 public:
  Parts(WeightFile& file, std::string layer) : file_(file), layer_(std::move(layer)) {}

  [[noreturn]] void fail(const std::string& reason) const {
    throw IoError(file_.path, "layer " + quote(layer_) + ": " + reason);
  }

  at::Tensor take(const std::string& name,
                  at::ScalarType dtype,
                  at::IntArrayRef shape,
                  bool required = true) {
    const auto found = file_.tensors.find(layer_ + "." + name);
    if (found == file_.tensors.end()) {
      if (required) fail(name + " is missing");
      return {};
    }
    at::Tensor part = found->second;
    file_.tensors.erase(found);
    // The codes' own shape tells the matrix's: -1 is any size.
    bool fits = part.scalar_type() == dtype && part.dim() == static_cast<int64_t>(shape.size());
    for (size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] == -1 ? part.size(static_cast<int64_t>(i)) > 0
                            : part.size(static_cast<int64_t>(i)) == shape[i];
    }
    if (!fits) {
      std::ostringstream text;
      text << name << " is " << c10::toString(part.scalar_type()) << " " << part.sizes()
           << ", the scheme needs " << c10::toString(dtype) << " " << shape;
      fail(text.str());
    }
    if (at::isFloatingType(dtype) && dtype != at::kFloat8_e4m3fn &&
        !at::isfinite(part).all().item<bool>()) {
      fail(name + " holds NaN or infinity");
    }
    return part;
  }

  // Replaces what was taken.
  void put(QuantizedWeight weight) {
    const std::string key = layer_ + ".weight";
    if (file_.tensors.count(key)) fail("is there both as codes and as a matrix");
    file_.tensors[key] = placeholder(weight.out(), weight.in);
    file_.quantized[key] = std::make_shared<const QuantizedWeight>(std::move(weight));
  }

 private:
  WeightFile& file_;
  std::string layer_;
};

void read_layer(Parts parts, const std::string& scheme_name) {
  accel::QuantScheme scheme;
  try {
    scheme = accel::quant_scheme(scheme_name);
  } catch (const ConfigError& error) {
    parts.fail("this build cannot run its scheme: " + std::string(error.what()));
  }
  QuantizedWeight weight = {.format = scheme.format};
  const bool is_w4 = scheme.format == WeightFormat::kW4;
  const at::ScalarType dtype = is_w4                                 ? at::kByte
                               : scheme.format == WeightFormat::kFp8 ? at::kFloat8_e4m3fn
                                                                     : at::kChar;
  weight.codes = parts.take("weight.codes", dtype, {-1, -1});
  if (scheme.format == WeightFormat::kFp8) weight.codes = weight.codes.view(at::kByte);
  const int64_t out = weight.out();
  weight.in = weight.codes.size(1) * (is_w4 ? 2 : 1);
  if (is_w4) {
    weight.group = scheme.group;
    if (weight.in % scheme.group != 0) {
      parts.fail(std::to_string(weight.in) + " inputs are no multiple of its group of " +
                 std::to_string(scheme.group));
    }
    weight.scales = parts.take("weight.scales", at::kHalf, {out, weight.in / scheme.group});
    weight.zeros = parts.take("weight.zeros", at::kByte, {out, weight.in / scheme.group});
  } else {
    weight.scales = parts.take("weight.scales", at::kFloat, {out});
  }
  weight.input_signs = parts.take("weight.input_signs", at::kChar, {weight.in}, false);
  weight.input_scale = parts.take("weight.input_scale", at::kFloat, {weight.in}, false);
  parts.put(std::move(weight));
}

// w = q scale + scaled_zero, scaled_zero = -scale zero; rows of both beyond K / group are padding.
void read_awq_layer(WeightFile& file, const std::string& layer) {
  constexpr int64_t kGroup = 128;  // of the released runtime
  Parts parts(file, layer);
  const at::Tensor packed = parts.take("qweight", at::kShort, {-1, -1});
  const int64_t out = 4 * packed.size(0);
  const int64_t in = packed.size(1);
  if (in % kGroup != 0) parts.fail(std::to_string(in) + " inputs are no multiple of 128");
  const int64_t groups = in / kGroup;
  const int64_t rows = (groups + 7) / 8 * 8;
  const auto by_output = [&](const char* name) {
    return parts.take(name, at::kHalf, {rows, out}).slice(0, 0, groups).t().contiguous();
  };
  const at::Tensor scales = by_output("scales");
  const at::Tensor zeros = by_output("scaled_zeros").to(at::kFloat) / scales.to(at::kFloat);
  const at::Tensor whole = zeros.neg().round();
  // Half precision leaves a zero of 15 within 15 / 2048 of itself.
  const at::Tensor wrong = (zeros + whole).abs() > 0.02;
  if (((wrong | (whole < 0) | (whole > 15)) & (scales != 0)).any().item<bool>()) {
    parts.fail("scaled_zeros are not whole multiples, 0 to 15, of scales: not this layout");
  }
  parts.put({.format = WeightFormat::kW4,
             .in = in,
             .group = kGroup,
             .codes = kernels::pack_int4(from_awq_layout(packed)),
             .scales = scales,
             .zeros = whole.nan_to_num(8).to(at::kByte)});
}

// Where the code (n, k) lies: which 16-bit word of a row n / 4, and which four bits of it.
struct AwqPlaces {
  at::Tensor word;   ///< [4, K]: of the row
  at::Tensor shift;  ///< [4, K]
};

AwqPlaces awq_places(int64_t in) {
  const at::Tensor k = at::arange(in).unsqueeze(0);
  const at::Tensor e = k.remainder(32);
  const at::Tensor a = e.floor_divide(8);
  const at::Tensor b = e.remainder(8).floor_divide(2);
  const at::Tensor c = e.remainder(2);
  const at::Tensor moved = 32 * k.floor_divide(32) + 8 * b + 4 * c + a;
  const at::Tensor t = 64 * at::arange(4).unsqueeze(1) + moved.remainder(64);
  return {64 * moved.floor_divide(64) + t.floor_divide(4), 4 * t.remainder(4)};
}

}  // namespace

at::Tensor to_awq_layout(const at::Tensor& codes) {
  const int64_t in = codes.size(1);
  const AwqPlaces places = awq_places(in);
  const at::Tensor bits =
      codes.to(at::kInt).view({-1, 4, in}).bitwise_left_shift(places.shift.to(at::kInt));
  // Each word gets four codes, of bits apart: their sum.
  const at::Tensor words =
      at::zeros({bits.size(0), in}, at::kInt)
          .scatter_add_(1, places.word.flatten().expand({bits.size(0), -1}), bits.flatten(1));
  return words.to(at::kShort);
}

at::Tensor from_awq_layout(const at::Tensor& packed) {
  const int64_t in = packed.size(1);
  const AwqPlaces places = awq_places(in);
  const at::Tensor words = packed.to(at::kInt).index_select(1, places.word.flatten());
  return words.view({-1, 4, in})
      .bitwise_right_shift(places.shift.to(at::kInt))
      .bitwise_and(15)
      .to(at::kByte)
      .view({-1, in});
}

void find_quantized(WeightFile& file) {
  const auto described = file.metadata.find(kQuantizationKey);
  if (described != file.metadata.end()) {
    nlohmann::json json;
    try {
      json = nlohmann::json::parse(described->second).at("layers");
    } catch (const nlohmann::json::exception&) {
      throw IoError(file.path, std::string(kQuantizationKey) + ": is not the JSON it must be");
    }
    if (!json.is_object()) {
      throw IoError(file.path, std::string(kQuantizationKey) + ": layers: is no object");
    }
    for (const auto& [layer, scheme] : json.items()) {
      if (!scheme.is_string()) {
        throw IoError(
            file.path,
            std::string(kQuantizationKey) + ": " + quote(layer) + ": must be a scheme's name");
      }
      read_layer(Parts(file, layer), scheme.get<std::string>());
    }
  }
  constexpr std::string_view kPacked = ".qweight";
  std::vector<std::string> awq_layers;
  for (const auto& [key, tensor] : file.tensors) {
    if (key.ends_with(kPacked)) awq_layers.push_back(key.substr(0, key.size() - kPacked.size()));
  }
  for (const std::string& layer : awq_layers) read_awq_layer(file, layer);
  if (auto token = file.tensors.extract("cict_token")) {
    token.key() = kCompensationKey;
    token.mapped() = token.mapped().flatten();
    file.tensors.insert(std::move(token));
  }
}

std::map<std::string, at::Tensor> tensors_of(const std::string& key,
                                             const QuantizedWeight& weight) {
  std::map<std::string, at::Tensor> tensors;
  const auto put = [&](const char* name, const at::Tensor& tensor) {
    if (tensor.defined()) tensors[key + "." + name] = tensor;
  };
  put("codes",
      weight.format == WeightFormat::kFp8 ? weight.codes.view(at::kFloat8_e4m3fn) : weight.codes);
  put("scales", weight.scales);
  put("zeros", weight.zeros);
  put("input_signs", weight.input_signs);
  put("input_scale", weight.input_scale);
  return tensors;
}

std::map<std::string, std::string> schemes_of(const WeightFile& file) {
  std::map<std::string, std::string> schemes;
  for (const auto& [key, weight] : file.quantized) {
    const bool symmetric = weight->zeros.defined() && (weight->zeros == 8).all().item<bool>();
    schemes[key] = accel::to_string(accel::QuantScheme{
        .format = weight->format, .group = weight->group, .symmetric = symmetric});
  }
  return schemes;
}

}  // namespace vggt
