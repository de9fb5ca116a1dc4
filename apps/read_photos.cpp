// SPDX-License-Identifier: Apache-2.0
#include "apps/read_photos.h"

#include <ATen/ATen.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "src/base/error.h"
#include "src/base/parallel.h"
#include "src/image/decode.h"
#include "src/image/mask.h"

namespace vggt::apps {
namespace {

struct OnePhoto {
  FittedImage fitted;
  std::string hash;
  std::optional<std::string> problem;
};

// Size and time of the last change.
std::pair<uintmax_t, std::filesystem::file_time_type> state_of(const std::string& path) {
  std::error_code gone;  // shows as another state
  return {std::filesystem::file_size(path, gone), std::filesystem::last_write_time(path, gone)};
}

OnePhoto read_one(const Photo& photo, const ReadOptions& options) {
  OnePhoto result;
  try {
    const auto before = state_of(photo.path);
    result.hash = file_hash(photo.path);
    const DecodedImage image = decode_image(photo.path, {.like_original = options.like_original});
    result.fitted = fit_image(image.rgb,
                              image.stored_width_px,
                              image.stored_height_px,
                              image.orientation,
                              options.preprocess);
    if (state_of(photo.path) != before) throw IoError(photo.path, "changed while it was read");
  } catch (const IoError& error) {
    if (options.strict) throw;
    result.problem = error.what();
  } catch (const ConfigError& error) {
    if (options.strict) throw IoError(photo.path, error.what());
    result.problem = photo.path + ": " + error.what();
  }
  return result;
}

at::Tensor read_masks(ReadPhotos& result, const std::string& folder) {
  const auto height = result.input.images.size(2);
  const auto width = result.input.images.size(3);
  at::Tensor mask =
      at::ones({static_cast<int64_t>(result.photos.size()), height, width}, at::kBool);
  std::atomic<int64_t> missing = 0;
  on_all_cores(result.photos.size(), [&](size_t i) {
    const auto path = find_mask(folder, result.photos[i].name);
    if (!path) {
      ++missing;
      return;
    }
    mask[static_cast<int64_t>(i)].copy_(read_mask(*path, result.input.maps[i]));
  });
  result.without_mask = missing;
  if (missing == static_cast<int64_t>(result.photos.size())) {
    throw IoError(folder,
                  "holds no mask for any photo: for photo a/b.jpg one is looked for as a/b.png, "
                  "a/b.jpg, a/b.jpg.png or a/b_mask.png");
  }
  return mask;
}

}  // namespace

std::string file_hash(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(path, "cannot be opened");
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  std::vector<char> block(1 << 18);
  do {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    XXH3_128bits_update(&state, block.data(), static_cast<size_t>(file.gcount()));
  } while (file);
  if (!file.eof()) throw IoError(path, "cannot be read");
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  std::array<char, 33> text;
  std::snprintf(text.data(),
                text.size(),
                "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text.data();
}

ReadPhotos read_photos(const std::vector<Photo>& photos,
                       const ReadOptions& options,
                       StageProgress& stage) {
  std::vector<OnePhoto> read(photos.size());
  on_all_cores(photos.size(), stage, [&](size_t i) { read[i] = read_one(photos[i], options); });
  ReadPhotos result;
  std::vector<FittedImage> fitted;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (read[i].problem) {
      result.skipped.push_back({photos[i], *read[i].problem});
      continue;
    }
    result.photos.push_back(photos[i]);
    result.hashes.push_back(std::move(read[i].hash));
    fitted.push_back(std::move(read[i].fitted));
  }
  if (result.photos.empty()) {
    throw IoError("photos",
                  "none of " + std::to_string(photos.size()) +
                      " can be read; the first: " + result.skipped.front().reason);
  }
  result.input = stack_images(fitted);
  if (!options.masks.empty()) result.input.mask = read_masks(result, options.masks);
  return result;
}

}  // namespace vggt::apps
