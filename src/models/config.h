// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vggt {

struct EncoderConfig {
  int64_t depth = 24;
  int64_t num_heads = 16;
  double mlp_ratio = 4;
  double layer_norm_eps = 1e-6;
};

struct AggregatorConfig {
  int64_t depth = 24;  ///< pairs of a frame block and a global block
  int64_t num_heads = 16;
  double mlp_ratio = 4;
  double rope_freq = 100;
  double layer_norm_eps = 1e-5;
};

struct CameraHeadConfig {
  int64_t trunk_depth = 4;
  int64_t num_heads = 16;
  double mlp_ratio = 4;
  int64_t num_iterations = 4;
};

/// What becomes of the last convolution's values; conf is 1 + exp in any case.
enum class DptActivation {
  kExp,     ///< exp(y)
  kInvLog,  ///< sign(y) * (exp(|y|) - 1)
};

struct DptConfig {
  int64_t output_dim = 2;  ///< values and one confidence; not used by a feature extractor
  DptActivation activation = DptActivation::kExp;
  int64_t features = 256;
  std::vector<int64_t> out_channels = {256, 512, 1024, 1024};
  std::vector<int64_t> intermediate_layer_idx = {
      4, 11, 17, 23};  ///< pairs, four of them, ascending
  bool pos_embed = true;
  bool feature_only = false;
  int64_t down_ratio = 1;
  int64_t hidden_channels = 32;  ///< of output_conv2
  int64_t frames_chunk_size = 8;
};

struct TrackHeadConfig {
  DptConfig feature_extractor;
  int64_t features = 128;  ///< of the tracker, equal to the extractor's
  int64_t iters = 4;
  int64_t stride = 2;
  int64_t corr_levels = 7;
  int64_t corr_radius = 4;
  int64_t hidden_size = 384;
  int64_t space_depth = 6;
  int64_t time_depth = 6;
  int64_t num_heads = 8;
  double mlp_ratio = 4;
  int64_t num_virtual_tracks = 64;
  double max_scale = 518;

  int64_t transformer_dim() const { return 3 * features + 4; }
  int64_t correlations() const {
    return corr_levels * (2 * corr_radius + 1) * (2 * corr_radius + 1);
  }
};

/// All sizes of a VGGT. Everything else (parameter names, shapes, memory) follows from it.
/// Wang et al., "VGGT: Visual Geometry Grounded Transformer", CVPR 2025.
struct ModelConfig {
  int64_t img_size =
      518;  ///< longest side of the network input; fixes the stored position embedding
  int64_t patch_size = 14;
  int64_t embed_dim = 1024;
  int64_t num_register_tokens = 4;
  EncoderConfig patch_embed;
  AggregatorConfig aggregator;
  std::optional<CameraHeadConfig> camera_head;  ///< heads are left out by leaving these empty
  std::optional<DptConfig> depth_head;
  std::optional<DptConfig> point_head;
  std::optional<TrackHeadConfig> track_head;

  static ModelConfig vggt_1b();
  static ModelConfig mini();  ///< the bundled model's: camera and depth heads only
  static ModelConfig tiny();  ///< for tests
  static const std::vector<std::string>& preset_names();  ///< "vggt-1b", "mini", "tiny"
  /// Throws ConfigError if `name` is none of them.
  static ModelConfig preset(const std::string& name);

  /// Leaves out the heads that `names` (camera, depth, point, track) does not name. Throws
  /// ConfigError(field) if it names one that is not there.
  void keep_heads(const std::vector<std::string>& names, const std::string& field);

  /// Camera or register tokens that precede the patches of a frame.
  int64_t special_tokens() const { return 1 + num_register_tokens; }
  int64_t head_dim_in() const { return 2 * embed_dim; }
  /// The pairs whose outputs some head reads, ascending.
  std::vector<int64_t> kept_layers() const;
  /// Throws ConfigError naming the first field that is out of range or does not fit the others.
  void validate() const;

  /// Every field, in the layout of the checkpoints' config.json; `heads` lists what is there.
  std::string to_json(int indent = 1) const;
  /// Throws ConfigError naming `source` and the field: unknown, missing, wrong type or not
  /// supported.
  static ModelConfig from_json(const std::string& text, const std::string& source);
  /// Reads a file. Throws IoError or ConfigError.
  static ModelConfig read(const std::string& path);
};

}  // namespace vggt
