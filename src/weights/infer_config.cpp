// SPDX-License-Identifier: Apache-2.0
#include "src/weights/infer_config.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/base/error.h"

namespace vggt {
namespace {

class Shapes {
 public:
  explicit Shapes(const WeightFile& file) : file_(file) {}

  bool has(const std::string& key) const { return file_.tensors.count(key) > 0; }

  // Size of one axis. Throws IoError if the tensor is missing or has fewer axes.
  int64_t size(const std::string& key, int64_t axis) const {
    const auto found = file_.tensors.find(key);
    if (found == file_.tensors.end()) {
      throw IoError(
          file_.path,
          "is not a VGGT checkpoint, or its config must be given: tensor " + key + " is missing");
    }
    if (found->second.dim() <= axis || found->second.size(axis) <= 0) {
      throw IoError(file_.path, "tensor " + key + " has too few axes or an empty one");
    }
    return found->second.size(axis);
  }

  // How many numbered modules prefix.0, prefix.1, ... there are, by the highest number: one that
  // lacks a tensor still counts, and the comparison with the manifest then names the tensor.
  int64_t count(const std::string& prefix) const {
    int64_t n = 0;
    const std::string begin = prefix + ".";
    for (auto it = file_.tensors.lower_bound(begin); it != file_.tensors.end(); ++it) {
      if (it->first.rfind(begin, 0) != 0) break;
      int64_t number = -1;
      const char* digits = it->first.data() + begin.size();
      std::from_chars(digits, it->first.data() + it->first.size(), number);
      constexpr int64_t kMost = 1 << 20;  // validate() refuses far less
      n = std::max(n, std::min(number, kMost) + 1);
    }
    return n;
  }

  double ratio(const std::string& block) const {
    return static_cast<double>(size(block + ".mlp.fc1.weight", 0)) /
           static_cast<double>(size(block + ".mlp.fc1.weight", 1));
  }

 private:
  const WeightFile& file_;
};

// The sizes of a DPT head that its tensors show.
void read_dpt(const Shapes& shapes, const std::string& prefix, DptConfig& head) {
  head.features = shapes.size(prefix + "scratch.layer1_rn.weight", 0);
  for (size_t k = 0; k < 4; ++k) {
    head.out_channels[k] = shapes.size(prefix + "projects." + std::to_string(k) + ".weight", 0);
  }
  if (head.feature_only) return;
  head.output_dim = shapes.size(prefix + "scratch.output_conv2.2.weight", 0);
  head.hidden_channels = shapes.size(prefix + "scratch.output_conv2.0.weight", 0);
}

void read_tracker(const Shapes& shapes, TrackHeadConfig& head) {
  const std::string tracker = "track_head.tracker.";
  const std::string former = tracker + "updateformer.";
  head.features = shapes.size(tracker + "fmap_norm.weight", 0);
  head.hidden_size = shapes.size(tracker + "corr_mlp.fc1.weight", 0);
  head.time_depth = shapes.count(former + "time_blocks");
  head.space_depth = shapes.count(former + "space_virtual_blocks");
  head.num_virtual_tracks = shapes.size(former + "virual_tracks", 1);
  head.mlp_ratio = shapes.ratio(former + "time_blocks.0");
  // levels * (2 r + 1)^2: the preset's radius if it divides, else the largest one that does.
  const int64_t correlations = shapes.size(tracker + "corr_mlp.fc1.weight", 1);
  for (const int64_t radius : {head.corr_radius, int64_t{4}, int64_t{3}, int64_t{2}, int64_t{1}}) {
    const int64_t window = (2 * radius + 1) * (2 * radius + 1);
    if (correlations % window != 0) continue;
    head.corr_radius = radius;
    head.corr_levels = correlations / window;
    return;
  }
}

// The preset of the same width and depth, for what shapes cannot tell.
std::optional<std::pair<std::string, ModelConfig>> preset_like(int64_t embed_dim, int64_t depth) {
  for (const char* name : {"vggt-1b", "mini", "tiny"}) {
    const ModelConfig preset = ModelConfig::preset(name);
    if (preset.embed_dim == embed_dim && preset.aggregator.depth == depth)
      return std::pair(name, preset);
  }
  return std::nullopt;
}

// VGGT-1B's layers 4, 11, 17, 23 of 24, in proportion.
std::vector<int64_t> layers_of_depth(int64_t depth) {
  std::vector<int64_t> layers;
  for (const int64_t of_24 : {5, 12, 18, 24})
    layers.push_back(std::max<int64_t>(of_24 * depth / 24, 1) - 1);
  return layers;
}

ModelConfig general_rule(int64_t depth, int64_t num_heads) {
  ModelConfig config = ModelConfig::vggt_1b();
  config.camera_head->num_heads = num_heads;
  for (DptConfig* head :
       {&*config.depth_head, &*config.point_head, &config.track_head->feature_extractor}) {
    head->intermediate_layer_idx = layers_of_depth(depth);
  }
  return config;
}

ModelConfig from_shapes(const Shapes& shapes, std::vector<std::string>& assumed) {
  const std::string encoder = "aggregator.patch_embed.";
  const int64_t embed_dim = shapes.size("aggregator.camera_token", 3);
  const int64_t depth = shapes.count("aggregator.frame_blocks");
  const int64_t head_dim = shapes.size("aggregator.frame_blocks.0.attn.q_norm.weight", 0);
  const int64_t num_heads = embed_dim / head_dim;

  const auto like = preset_like(embed_dim, depth);
  ModelConfig config = like ? like->second : general_rule(depth, num_heads);
  config.embed_dim = embed_dim;
  config.num_register_tokens = shapes.size("aggregator.register_token", 2);
  config.patch_size = shapes.size(encoder + "patch_embed.proj.weight", 2);
  const int64_t grid_cells = shapes.size(encoder + "pos_embed", 1) - 1;
  const auto grid = std::llround(std::sqrt(static_cast<double>(grid_cells)));
  if (grid * grid != grid_cells) {
    throw ConfigError(encoder + "pos_embed",
                      std::to_string(grid_cells) + " patches are not a square grid");
  }
  // Bounds that validate() has, too; but the product must not overflow before.
  if (grid > 65536 || config.patch_size > 1024) {
    throw ConfigError(encoder + "pos_embed", "the patch grid or the patch size is too large");
  }
  config.img_size = grid * config.patch_size;
  config.patch_embed.depth = shapes.count(encoder + "blocks");
  config.patch_embed.num_heads = num_heads;
  config.patch_embed.mlp_ratio = shapes.ratio(encoder + "blocks.0");
  config.aggregator.depth = depth;
  config.aggregator.num_heads = num_heads;
  config.aggregator.mlp_ratio = shapes.ratio("aggregator.frame_blocks.0");
  assumed.emplace_back("patch_embed.num_heads = the aggregator's");

  const std::string origin =
      like ? "as in " + like->first : "VGGT-1B's, or in proportion to its depth";
  // The preset may lack a head that the file has, so each starts from the rule if need be.
  const ModelConfig rule = general_rule(depth, num_heads);
  const auto assume = [&](const std::string& fields) { assumed.push_back(fields + ": " + origin); };
  if (shapes.has("camera_head.empty_pose_tokens")) {
    if (!config.camera_head) config.camera_head = rule.camera_head;
    config.camera_head->trunk_depth = shapes.count("camera_head.trunk");
    config.camera_head->mlp_ratio = shapes.ratio("camera_head.trunk.0");
    assume("camera_head: num_heads, num_iterations");
  } else {
    config.camera_head.reset();
  }
  if (shapes.has("depth_head.norm.weight")) {
    if (!config.depth_head) config.depth_head = rule.depth_head;
    read_dpt(shapes, "depth_head.", *config.depth_head);
    assume("depth_head: intermediate_layer_idx, activation, pos_embed, down_ratio");
  } else {
    config.depth_head.reset();
  }
  if (shapes.has("point_head.norm.weight")) {
    if (!config.point_head) config.point_head = rule.point_head;
    read_dpt(shapes, "point_head.", *config.point_head);
    assume("point_head: intermediate_layer_idx, activation, pos_embed, down_ratio");
  } else {
    config.point_head.reset();
  }
  if (shapes.has("track_head.tracker.query_ref_token")) {
    if (!config.track_head) config.track_head = rule.track_head;
    read_dpt(shapes, "track_head.feature_extractor.", config.track_head->feature_extractor);
    read_tracker(shapes, *config.track_head);
    assume(
        "track_head: iters, stride, corr_radius, num_heads, max_scale, intermediate_layer_idx, "
        "pos_embed");
  } else {
    config.track_head.reset();
  }
  return config;
}

}  // namespace

InferredConfig infer_config(const WeightFile& file) {
  InferredConfig inferred;
  const auto metadata = file.metadata.find("vggt.config");
  if (metadata != file.metadata.end()) {
    inferred.origin = "the file's metadata";
    try {
      inferred.config = ModelConfig::from_json(metadata->second, "metadata vggt.config");
    } catch (const ConfigError& error) {
      throw IoError(file.path, error.what());
    }
    return inferred;
  }
  inferred.origin = "the tensors' shapes";
  inferred.config = from_shapes(Shapes(file), inferred.assumed);
  try {
    inferred.config.validate();
  } catch (const ConfigError& error) {
    throw ConfigError(
        file.path,
        std::string("the config read off the tensors' shapes is not valid, give one with "
                    "--config: ") +
            error.what());
  }
  return inferred;
}

std::string licence_of(const WeightFile& file, const ModelConfig& config) {
  const auto stated = file.metadata.find("license");
  if (stated != file.metadata.end()) return stated->second;
  if (config.embed_dim == ModelConfig::vggt_1b().embed_dim &&
      config.aggregator.depth == ModelConfig::vggt_1b().aggregator.depth) {
    return "not stated in the file; of this size are facebook/VGGT-1B (CC BY-NC 4.0, "
           "non-commercial) and "
           "facebook/VGGT-1B-Commercial (VGGT licence with acceptable-use policy)";
  }
  return "not stated in the file";
}

}  // namespace vggt
