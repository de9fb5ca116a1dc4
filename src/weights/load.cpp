// SPDX-License-Identifier: Apache-2.0
#include "src/weights/load.h"

#include <ATen/ATen.h>

#include <cmath>
#include <set>
#include <sstream>

#include "kernels/quantized_linear/quantized_linear.h"
#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/weights/manifest.h"
#include "src/weights/quantized_file.h"
#include "src/weights/synthetic.h"

namespace vggt {
namespace {

constexpr const char* kHeads[] = {"camera_head.", "depth_head.", "point_head.", "track_head."};

// Whether `key` belongs to a head that the config leaves out.
bool is_left_out(const std::string& key, const ModelConfig& config) {
  const bool present[] = {config.camera_head.has_value(),
                          config.depth_head.has_value(),
                          config.point_head.has_value(),
                          config.track_head.has_value()};
  for (size_t i = 0; i < 4; ++i) {
    if (key.rfind(kHeads[i], 0) == 0) return !present[i];
  }
  return false;
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

void list(std::ostringstream& message, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  message << "\n  " << names.size() << " " << what << ":";
  for (const std::string& name : names) message << "\n    " << name;
}

// A sum is finite exactly when every term is, unless it overflows; only then is each term looked
// at.
bool is_finite(const at::Tensor& tensor) {
  const at::ScalarType wide = tensor.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto is_part_finite = [&](const at::Tensor& part) {
    return std::isfinite(part.sum(wide).item<double>()) || at::isfinite(part).all().item<bool>();
  };
  if (!tensor.is_contiguous()) return tensor.numel() == 0 || is_part_finite(tensor);
  // sum() copies what it widens: in parts, so that no second weight lies in memory.
  constexpr int64_t kPart = int64_t{1} << 18;
  const at::Tensor flat = tensor.view({-1});
  for (int64_t begin = 0; begin < flat.size(0); begin += kPart) {
    if (!is_part_finite(flat.slice(0, begin, begin + kPart))) return false;
  }
  return true;
}

// source(key, shape, dtype): a parameter.
// codes(key): the layer's codes if the file has them, else null.
template <class Source, class Codes>
std::shared_ptr<Vggt> fill(const ModelConfig& config,
                           const LoadOptions& options,
                           Source source,
                           Codes codes) {
  auto model = std::make_shared<Vggt>(config);
  std::map<std::string, std::shared_ptr<nn::Linear>> layers;
  std::vector<std::string> names;
  for (auto& [name, layer] : accel::block_layers(*model)) {
    layers[name + ".weight"] = layer;
    names.push_back(name);
  }
  options.recipe.check(names);
  auto parameters = model->named_parameters();
  StageProgress stage("weights", static_cast<int64_t>(parameters.size()), options.progress);
  for (auto& parameter : parameters) {
    const std::string& key = parameter.key();
    const at::ScalarType dtype = parameter_dtype(key, options.precision);
    const auto layer = layers.find(key);
    std::shared_ptr<const kernels::QuantizedWeight> quantized = codes(key);
    if (!quantized && layer != layers.end()) {
      const std::string name = key.substr(0, key.rfind('.'));
      const std::string scheme = options.recipe.scheme_of(name);
      if (!scheme.empty()) {
        const at::Tensor matrix = source(key, parameter.value().sizes(), at::kFloat);
        quantized = std::make_shared<const kernels::QuantizedWeight>(
            accel::quantize(matrix, accel::quant_scheme(scheme), name).to(options.device));
      }
    }
    if (quantized) {
      TORCH_INTERNAL_ASSERT(layer != layers.end(), key);
      // Its dtype is what the layer computes in.
      parameter.value().set_data(at::full({}, 0, at::TensorOptions(options.device).dtype(dtype))
                                     .expand(parameter.value().sizes()));
      layer->second->quantize(quantized);
    } else {
      parameter.value().set_data(source(key, parameter.value().sizes(), dtype));
    }
    stage.advance();
  }
  model->eval();
  return model;
}

// Codes may stand for the linear layers of blocks alone.
void check_codes(const WeightFile& file, const ModelConfig& config) {
  if (file.quantized.empty()) return;
  std::set<std::string> keys;
  for (const auto& [name, layer] : accel::block_layers(Vggt(config))) keys.insert(name + ".weight");
  for (const auto& [key, weight] : file.quantized) {
    if (!keys.count(key) && !is_left_out(key, config)) {
      throw IoError(file.path, key + ": is quantised, which only layers of blocks can be");
    }
  }
}

}  // namespace

ManifestDifference compare(const WeightFile& file, const ModelConfig& config) {
  const auto expected = manifest(config);
  ManifestDifference difference;
  for (const auto& [key, shape] : expected) {
    const auto found = file.tensors.find(key);
    if (found == file.tensors.end()) {
      difference.missing.push_back(key);
    } else if (found->second.sizes() != at::IntArrayRef(shape)) {
      difference.misshapen.push_back(key + ": file " + shape_text(found->second.sizes()) +
                                     ", model " + shape_text(shape));
    } else if (!at::isFloatingType(found->second.scalar_type())) {
      difference.misshapen.push_back(key + ": file has dtype " +
                                     c10::toString(found->second.scalar_type()) +
                                     ", model needs a floating-point one");
    }
  }
  for (const auto& [key, tensor] : file.tensors) {
    if (expected.count(key) || is_left_out(key, config) || key == kCompensationKey) continue;
    difference.extra.push_back(key);
  }
  return difference;
}

std::shared_ptr<Vggt> load_model(const WeightFile& file,
                                 const ModelConfig& config,
                                 const LoadOptions& options) {
  const ManifestDifference difference = compare(file, config);
  if (!difference.empty()) {
    std::ostringstream message;
    message << "does not fit the model's config:";
    list(message, "tensors are missing", difference.missing);
    list(message, "tensors are not expected", difference.extra);
    list(message, "tensors have another shape or type", difference.misshapen);
    throw IoError(file.path, message.str());
  }
  if (!file.quantized.empty() && !options.recipe.empty()) {
    throw ConfigError("precision",
                      "the weights are quantised already; give auto, bf16 or fp32, which is what "
                      "the rest is computed in");
  }
  check_codes(file, config);
  const auto stored = [&](const std::string& key, at::IntArrayRef, at::ScalarType dtype) {
    const at::Tensor& from = file.tensors.at(key);
    if (!is_finite(from)) throw IoError(file.path, "tensor " + key + " holds NaN or infinity");
    const at::Tensor converted = from.to(options.device, dtype);
    const bool fits = converted.is_same(from) || is_finite(converted);
    // The pages just read are not needed again (converted), or not yet (mapped): memory stays at
    // the target's.
    file.drop_pages(from);
    if (!fits) {
      throw IoError(
          file.path,
          "tensor " + key + " overflows in " + c10::toString(dtype) + "; use --precision fp32");
    }
    return converted.contiguous();
  };
  const auto codes = [&](const std::string& key) {
    const auto found = file.quantized.find(key);
    std::shared_ptr<const kernels::QuantizedWeight> weight;
    if (found == file.quantized.end()) return weight;
    weight = found->second;
    if (!options.device.is_cpu()) {
      weight = std::make_shared<const kernels::QuantizedWeight>(weight->to(options.device));
    }
    return weight;
  };
  std::shared_ptr<Vggt> model = fill(config, options, stored, codes);
  const auto token = file.tensors.find(kCompensationKey);
  if (token != file.tensors.end() && model->camera_head) {
    if (token->second.sizes() != at::IntArrayRef({config.head_dim_in()})) {
      throw IoError(file.path,
                    std::string("tensor ") + kCompensationKey + " must be [" +
                        std::to_string(config.head_dim_in()) + "]");
    }
    model->camera_head->compensation_token = token->second.to(options.device);
  }
  return model;
}

std::shared_ptr<Vggt> synthetic_model(uint64_t seed,
                                      const ModelConfig& config,
                                      const LoadOptions& options) {
  return fill(
      config,
      options,
      [&](const std::string& key, at::IntArrayRef shape, at::ScalarType dtype) {
        return synthetic_parameter(key, shape, seed).to(options.device, dtype);
      },
      [](const std::string&) { return std::shared_ptr<const kernels::QuantizedWeight>(); });
}

}  // namespace vggt
