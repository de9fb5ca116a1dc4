// SPDX-License-Identifier: Apache-2.0
#include "datasets/fingerprint.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace vggt::datasets {
namespace {

class Hash {
 public:
  Hash() { XXH3_64bits_reset(&state_); }

  void add(const std::string& text) {
    add(static_cast<uint64_t>(text.size()));
    XXH3_64bits_update(&state_, text.data(), text.size());
  }

  void add(uint64_t value) { XXH3_64bits_update(&state_, &value, sizeof(value)); }

  void add(double value) {
    const double rounded = std::nearbyint(value * 1e6) + 0.0;  // which is no -0
    XXH3_64bits_update(&state_, &rounded, sizeof(rounded));
  }

  void add_size(const std::string& path) {
    std::error_code error;
    const uintmax_t size = path.empty() ? 0 : std::filesystem::file_size(path, error);
    add(static_cast<uint64_t>(error ? 0 : size));
  }

  std::string text() const {
    char digits[17];
    std::snprintf(digits,
                  sizeof(digits),
                  "%016llx",
                  static_cast<unsigned long long>(XXH3_64bits_digest(&state_)));
    return digits;
  }

 private:
  XXH3_state_t state_;
};

}  // namespace

std::string fingerprint(const Sequence& sequence, std::span<const int64_t> frames) {
  Hash hash;
  hash.add(sequence.name);
  hash.add(sequence.category);
  hash.add(sequence.trust);
  hash.add(sequence.units_per_metre);
  for (const int64_t index : frames) {
    const Frame& frame = sequence.frames[static_cast<size_t>(index)];
    const Camera& camera = frame.camera;
    hash.add(static_cast<uint64_t>(index));
    hash.add(static_cast<uint64_t>(camera.width_px));
    hash.add(static_cast<uint64_t>(camera.height_px));
    for (const double value : {camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px}) {
      hash.add(value);
    }
    for (const double value : camera.rotation) hash.add(value);
    for (const double value : camera.translation) hash.add(value);
    hash.add(frame.image_bytes);
    if (frame.image_bytes == 0) hash.add_size(frame.image);
    hash.add(frame.depth.bytes);
    if (frame.depth.bytes == 0) hash.add_size(frame.depth.path);
    hash.add(frame.depth.values_per_unit);
  }
  for (const std::string& path : {sequence.scan.path,
                                  sequence.scan.transform,
                                  sequence.scan.crop,
                                  sequence.scan.observed,
                                  sequence.scan.ground}) {
    hash.add_size(path);
  }
  return hash.text();
}

}  // namespace vggt::datasets
