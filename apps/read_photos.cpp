// SPDX-License-Identifier: Apache-2.0
#include "apps/read_photos.h"

#include <ATen/ATen.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
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

// The mask of a photo, or all true where it has none.
struct OneMask {
  at::Tensor keep;
  bool missing = false;
  std::optional<std::string> problem;
};

OneMask read_one_mask(const Photo& photo, const PixelMap& map, const ReadOptions& options) {
  OneMask mask;
  const auto path = find_mask(options.masks, photo.name);
  mask.missing = !path;
  if (!path) {
    mask.keep = at::ones({map.network_height_px, map.network_width_px}, at::kBool);
    return mask;
  }
  try {
    mask.keep = read_mask(*path, map);
  } catch (const IoError& error) {
    if (options.strict) throw;
    mask.problem = error.what();
  }
  return mask;
}

// Takes photos whose mask cannot be read out of `kept` and the input, and puts the masks of the
// others there.
void leave_out_unmasked(const std::vector<OneMask>& masks,
                        std::vector<size_t>& kept,
                        std::vector<OnePhoto>& read,
                        ReadPhotos& result) {
  std::vector<at::Tensor> keep;
  std::vector<int64_t> rows;
  std::vector<size_t> with_mask;
  std::vector<PixelMap> maps;
  for (size_t i = 0; i < masks.size(); ++i) {
    if (masks[i].problem) {
      read[kept[i]].problem = "its mask " + *masks[i].problem;
      continue;
    }
    keep.push_back(masks[i].keep);
    rows.push_back(static_cast<int64_t>(i));
    with_mask.push_back(kept[i]);
    maps.push_back(result.input.maps[i]);
    result.without_mask += masks[i].missing ? 1 : 0;
  }
  if (!keep.empty()) {
    result.input.images = result.input.images.index_select(0, at::tensor(rows));
    result.input.mask = at::stack(keep);
  }
  result.input.maps = std::move(maps);
  kept = std::move(with_mask);
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
                       const ProgressCallback& progress,
                       StageProgress::Seconds* seconds) {
  const auto count = static_cast<int64_t>(photos.size());
  std::vector<OnePhoto> read(photos.size());
  {
    StageProgress stage("photos", count, progress, seconds);
    on_all_cores(photos.size(), stage, [&](size_t i) { read[i] = read_one(photos[i], options); });
  }
  std::vector<FittedImage> fitted;
  std::vector<size_t> kept;
  for (size_t i = 0; i < photos.size(); ++i) {
    if (read[i].problem) continue;
    kept.push_back(i);
    fitted.push_back(std::move(read[i].fitted));
  }
  ReadPhotos result;
  if (!kept.empty()) result.input = stack_images(std::move(fitted));

  std::vector<OneMask> masks(options.masks.empty() ? 0 : kept.size());
  if (!masks.empty()) {
    StageProgress stage("masks", static_cast<int64_t>(masks.size()), progress, seconds);
    on_all_cores(masks.size(), stage, [&](size_t i) {
      masks[i] = read_one_mask(photos[kept[i]], result.input.maps[i], options);
    });
    if (std::all_of(masks.begin(), masks.end(), [](const OneMask& mask) { return mask.missing; })) {
      throw IoError(options.masks,
                    "holds no mask for any photo: for photo a/b.jpg one is looked for as a/b.png, "
                    "a/b.jpg, a/b.jpg.png or a/b_mask.png");
    }
    leave_out_unmasked(masks, kept, read, result);
  }
  for (const size_t i : kept) {
    result.photos.push_back(photos[i]);
    result.hashes.push_back(std::move(read[i].hash));
  }
  for (size_t i = 0; i < photos.size(); ++i) {
    if (read[i].problem) result.skipped.push_back({photos[i], *read[i].problem});
  }
  if (kept.empty()) {
    throw IoError("photos",
                  "none of " + std::to_string(photos.size()) +
                      " can be read; the first: " + result.skipped.front().reason);
  }
  return result;
}

}  // namespace vggt::apps
