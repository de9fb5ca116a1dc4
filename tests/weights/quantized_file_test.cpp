// SPDX-License-Identifier: Apache-2.0
#include "src/weights/quantized_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>

#include "kernels/quantized_linear/quantized_linear.h"
#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/weights/load.h"
#include "src/weights/manifest.h"
#include "src/weights/mapped_file.h"
#include "src/weights/safetensors.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt {
namespace {

using kernels::QuantizedWeight;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kLayer = "aggregator.frame_blocks.1.attn.qkv";

using Tensors = std::map<std::string, at::Tensor>;
using Metadata = std::map<std::string, std::string>;

Tensors tiny_tensors() {
  Tensors tensors;
  for (const auto& [key, shape] : manifest(ModelConfig::tiny())) {
    tensors[key] = synthetic_parameter(key, shape, 3);
  }
  return tensors;
}

// Puts codes in place of a matrix.
void quantize(Tensors& tensors, const std::string& layer, const std::string& scheme) {
  const std::string key = layer + ".weight";
  const QuantizedWeight weight =
      accel::quantize(tensors.at(key), accel::quant_scheme(scheme), layer);
  tensors.erase(key);
  tensors.merge(tensors_of(key, weight));
}

Metadata described(const std::string& layer, const std::string& scheme) {
  return {{kQuantizationKey, R"({"layers": {")" + layer + R"(": ")" + scheme + R"("}})"}};
}

bool same(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || at::equal(a, b));
}

TEST(QuantizedFile, GivesBackEachSchemesCodesMapped) {
  const TemporaryFolder folder;
  for (const char* scheme : {"fp8", "int8", "w8a16", "w4a16-g16", "w4a16-g16-sym"}) {
    SCOPED_TRACE(scheme);
    Tensors tensors = tiny_tensors();
    QuantizedWeight before =
        accel::quantize(tensors.at(kLayer + ".weight"), accel::quant_scheme(scheme), kLayer);
    before.input_scale = at::rand({48}) + 1;
    before.input_signs = at::ones({48}, at::kChar);
    tensors.erase(kLayer + ".weight");
    tensors.merge(tensors_of(kLayer + ".weight", before));
    const std::string path = folder.file("q.safetensors");
    write_safetensors(path, tensors, described(kLayer, scheme));

    const WeightFile file = open_weight_file(path);
    ASSERT_EQ(file.quantized.size(), 1);
    const QuantizedWeight& after = *file.quantized.at(kLayer + ".weight");
    EXPECT_EQ(after.format, before.format);
    EXPECT_EQ(after.in, before.in);
    EXPECT_EQ(after.group, before.group);
    EXPECT_TRUE(same(after.codes, before.codes));
    EXPECT_TRUE(same(after.scales, before.scales));
    EXPECT_TRUE(same(after.zeros, before.zeros));
    EXPECT_TRUE(same(after.input_scale, before.input_scale));
    EXPECT_TRUE(same(after.input_signs, before.input_signs));
    EXPECT_EQ(schemes_of(file).at(kLayer + ".weight"), scheme);
    const auto* codes = static_cast<const char*>(after.codes.const_data_ptr());
    const MappedFile& mapping = *file.mappings.front();
    EXPECT_TRUE(codes >= mapping.data() && codes < mapping.data() + mapping.size());
    EXPECT_EQ(file.tensors.at(kLayer + ".weight").sizes(), at::IntArrayRef({144, 48}));
  }
}

TEST(QuantizedFile, ComputesAsQuantisingOnLoadDoes) {
  const TemporaryFolder folder;
  const at::Tensor images = synthetic_images(2, 56, 70, 1);
  for (const char* scheme : {"fp8", "int8", "w8a16", "w4a16-g16"}) {
    SCOPED_TRACE(scheme);
    const accel::QuantRecipe recipe = accel::quant_recipe(scheme);
    const std::string plain = folder.file("plain.safetensors");
    Tensors tensors = tiny_tensors();
    write_safetensors(plain, tensors);
    std::string layers;
    for (const auto& [name, layer] : accel::block_layers(Vggt(ModelConfig::tiny()))) {
      const std::string of_layer = recipe.scheme_of(name);
      if (of_layer.empty()) continue;
      quantize(tensors, name, of_layer);
      layers += (layers.empty() ? "\"" : ", \"") + name + "\": \"" + of_layer + "\"";
    }
    const std::string quantised = folder.file("quantised.safetensors");
    write_safetensors(quantised, tensors, {{kQuantizationKey, "{\"layers\": {" + layers + "}}"}});
    const auto run = [&](const std::string& path, const accel::QuantRecipe& of_load) {
      const LoadOptions options = {.precision = Precision::kBFloat16, .recipe = of_load};
      return load_model(open_weight_file(path), ModelConfig::tiny(), options)->forward(images);
    };
    const Predictions on_load = run(plain, recipe);
    const Predictions of_file = run(quantised, {});
    EXPECT_TRUE(at::equal(on_load.depth, of_file.depth));
    EXPECT_TRUE(at::equal(on_load.pose_encodings.back(), of_file.pose_encodings.back()));
    const Predictions exact = run(plain, {});
    EXPECT_FALSE(at::equal(exact.depth, of_file.depth)) << "nothing was quantised";
    EXPECT_THAT(message_of<ConfigError>([&] { run(quantised, recipe); }),
                HasSubstr("quantised already"));
  }
}

TEST(QuantizedFile, RefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  const std::string path = folder.file("bad.safetensors");
  const auto complaint = [&](const Tensors& tensors, const Metadata& metadata) {
    write_safetensors(path, tensors, metadata);
    return message_of<IoError>(
        [&] { load_model(open_weight_file(path), ModelConfig::tiny(), {}); });
  };
  Tensors good = tiny_tensors();
  quantize(good, kLayer, "w4a16-g16");
  EXPECT_THAT(complaint(good, described(kLayer, "nf4")),
              AllOf(HasSubstr("bad.safetensors"),
                    HasSubstr(kLayer),
                    HasSubstr("nf4"),
                    HasSubstr("fp8, int8, w8a16, w4a16")));
  EXPECT_THAT(complaint(good, described(kLayer, "w4a16-g128")), HasSubstr("group of 128"));
  EXPECT_THAT(complaint(good, described(kLayer, "w4a16-g32")), HasSubstr("group of 32"));
  EXPECT_THAT(complaint(good, described(kLayer, "int8")),
              AllOf(HasSubstr("weight.codes is Byte"), HasSubstr("needs Char")));
  EXPECT_THAT(complaint(good, {{kQuantizationKey, "{"}}), HasSubstr("JSON"));
  EXPECT_THAT(complaint(good, {}), HasSubstr("missing")) << "codes without a scheme";
  EXPECT_THAT(complaint(good, described("aggregator.frame_blocks.9.attn.qkv", "int8")),
              AllOf(HasSubstr("frame_blocks.9"), HasSubstr("weight.codes is missing")));

  Tensors bad = good;
  bad.erase(kLayer + ".weight.zeros");
  EXPECT_THAT(complaint(bad, described(kLayer, "w4a16-g16")), HasSubstr("zeros is missing"));
  bad = good;
  at::Tensor scales = good.at(kLayer + ".weight.scales").clone();
  scales[0][0] = std::numeric_limits<float>::infinity();
  bad[kLayer + ".weight.scales"] = scales;
  EXPECT_THAT(complaint(bad, described(kLayer, "w4a16-g16")), HasSubstr("NaN or infinity"));
  bad = good;
  bad[kLayer + ".weight"] = at::zeros({144, 48});
  EXPECT_THAT(complaint(bad, described(kLayer, "w4a16-g16")), HasSubstr("both"));
  bad = tiny_tensors();
  quantize(bad, "camera_head.pose_branch.fc1", "int8");
  EXPECT_THAT(complaint(bad, described("camera_head.pose_branch.fc1", "int8")),
              AllOf(HasSubstr("camera_head.pose_branch.fc1"), HasSubstr("blocks")));
}

TEST(QuantizedFile, BringsACompensationToken) {
  const TemporaryFolder folder;
  Tensors tensors = tiny_tensors();
  tensors["cict_token"] = at::rand({1, 96});
  const std::string path = folder.file("token.safetensors");
  write_safetensors(path, tensors);
  const auto model = load_model(open_weight_file(path), ModelConfig::tiny(), {});
  ASSERT_TRUE(model->camera_head->compensation_token.defined());
  const at::Tensor images = synthetic_images(3, 56, 56, 1);
  const at::Tensor with = model->forward(images).pose_encodings.back();
  EXPECT_EQ(with.sizes(), at::IntArrayRef({1, 3, 9}));
  model->camera_head->compensation_token = at::Tensor();
  EXPECT_FALSE(at::allclose(model->forward(images).pose_encodings.back(), with));
  tensors["cict_token"] = at::rand({95});
  write_safetensors(path, tensors);
  EXPECT_THAT(
      message_of<IoError>([&] { load_model(open_weight_file(path), ModelConfig::tiny(), {}); }),
      HasSubstr("must be [96]"));
}

// Position of code (n, k) as the released packer puts it, written out anew.
TEST(AwqLayout, PutsEachCodeWhereTheReleasedPackerDoes) {
  const at::Tensor codes = at::randint(0, 16, {8, 192}, at::kByte);
  const at::Tensor packed = to_awq_layout(codes);
  ASSERT_EQ(packed.sizes(), at::IntArrayRef({2, 192}));
  ASSERT_EQ(packed.scalar_type(), at::kShort);
  for (int64_t n = 0; n < 8; ++n) {
    for (int64_t k = 0; k < 192; ++k) {
      const int64_t e = k % 32;
      const int64_t moved = 32 * (k / 32) + 8 * (e % 8 / 2) + 4 * (e % 2) + e / 8;
      const int64_t t = 64 * (n % 4) + moved % 64;
      const auto word = static_cast<uint16_t>(packed[n / 4][64 * (moved / 64) + t / 4].item<int>());
      ASSERT_EQ(word >> (4 * (t % 4)) & 15, codes[n][k].item<int>()) << n << " " << k;
    }
  }
  EXPECT_TRUE(at::equal(from_awq_layout(packed), codes));
  const at::Tensor words = at::randint(-32768, 32768, {3, 128}, at::kShort);
  EXPECT_TRUE(at::equal(to_awq_layout(from_awq_layout(words)), words));
}

TEST(AwqLayout, IsImported) {
  const at::Tensor weight = synthetic_parameter("layer.weight", {64, 1280}, 1);
  const QuantizedWeight plain = accel::quantize(weight, accel::quant_scheme("w4a16"), "layer");
  const at::Tensor padding = at::zeros({6, 64}, at::kHalf);
  const at::Tensor scales = plain.scales.t().contiguous();
  const at::Tensor zeros = (scales.to(at::kFloat) * plain.zeros.t()).neg().to(at::kHalf);
  WeightFile file;
  file.path = "awq.safetensors";
  file.tensors = {{"layer.qweight", to_awq_layout(kernels::unpack_int4(plain.codes))},
                  {"layer.scales", at::cat({scales, padding})},
                  {"layer.scaled_zeros", at::cat({zeros, padding})},
                  {"layer.bias", at::zeros({64})}};
  WeightFile broken = file;
  find_quantized(file);
  const QuantizedWeight& read = *file.quantized.at("layer.weight");
  EXPECT_TRUE(at::equal(read.codes, plain.codes));
  EXPECT_TRUE(at::equal(read.scales, plain.scales));
  EXPECT_TRUE(at::equal(read.zeros, plain.zeros));
  EXPECT_EQ(read.group, 128);
  EXPECT_EQ(file.tensors.size(), 2) << "the bias and the placeholder";

  broken.tensors["layer.scaled_zeros"] = broken.tensors["layer.scaled_zeros"] + 0.001;
  EXPECT_THAT(message_of<IoError>([&] { find_quantized(broken); }),
              AllOf(HasSubstr("layer"), HasSubstr("scaled_zeros")));
}

}  // namespace
}  // namespace vggt
