// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/textures.h"

#include "kernels/raycast/raycast.h"
#include "src/base/error.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace vggt::synthetic {
namespace {

float random_float(Random& random, double low, double high) {
  return static_cast<float>(random.uniform(low, high));
}

// Lighter and darker neighbours of a colour, in disorder.
std::vector<Colour> ramp_around(Random& random, const Colour& colour, double contrast) {
  std::vector<Colour> ramp;
  const int64_t steps = random.integer(3, 5);
  for (int64_t i = 0; i < steps; ++i) {
    const auto towards = random_float(random, 0, 0.25);
    const Colour other = mixed(colour, draw_colour(random), towards);
    ramp.push_back(scaled(other, 1 + static_cast<float>(contrast) * random_float(random, -1, 1)));
  }
  return ramp;
}

void add_grain(Canvas& canvas, Random& random, double strength) {
  for (int64_t y = 0; y < canvas.size(); ++y) {
    for (int64_t x = 0; x < canvas.size(); ++x) {
      canvas.at(x, y) =
          scaled(canvas.at(x, y), 1 + static_cast<float>(strength * (2 * random.uniform() - 1)));
    }
  }
}

void draw_plain(Canvas& canvas, Random& random) {
  canvas.fill(draw_colour(random));
  const double strength = random.uniform(0.02, 0.1);
  canvas.shade(noise(random, canvas.size(), {.cells_x = 2, .cells_y = 2}), strength);
}

void draw_plaster(Canvas& canvas, Random& random) {
  const Colour colour = draw_colour(random);
  const double persistence = random.uniform(0.45, 0.8);
  const auto ramp = ramp_around(random, colour, random.uniform(0.1, 0.4));
  canvas.fill(noise(random, canvas.size(), {.persistence = persistence}), ramp);
  if (random.chance(0.5)) {  // stains and scratches
    const int64_t marks = random.integer(5, 60);
    for (int64_t i = 0; i < marks; ++i) {
      const auto n = static_cast<double>(canvas.size());
      const double x = random.uniform() * n;
      const double y = random.uniform() * n;
      const double dx = random.normal() * n / 12;
      const double dy = random.normal() * n / 12;
      canvas.stroke(x, y, dx, dy, scaled(colour, random_float(random, 0.4, 1.3)));
    }
  }
  add_grain(canvas, random, random.uniform(0.01, 0.08));
}

// Noise whose ridges are veins.
void draw_stone(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  Field field =
      noise(random, n, {.cells_x = 3, .cells_y = 3, .persistence = random.uniform(0.5, 0.7)});
  const Field bend = noise(random, n, {.cells_x = 2, .cells_y = 2});
  const auto veins = random_float(random, 2, 7);
  for (int64_t y = 0; y < n; ++y) {
    for (int64_t x = 0; x < n; ++x) {
      float place = veins * field.at(x, y) + 2 * bend.at(x, y);
      place -= std::floor(place);
      field.at(x, y) = std::abs(2 * place - 1);
    }
  }
  const Colour colour = draw_colour(random);
  canvas.fill(field, ramp_around(random, colour, random.uniform(0.2, 0.5)));
  canvas.shade(bend, 0.3);
  add_grain(canvas, random, 0.05);
}

void draw_wood(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  const Colour colour = draw_hue(random, {0.04, 0.12}, {0.25, 0.7}, {0.25, 0.8});
  const Field grain = noise(random, n, {.cells_x = 2, .cells_y = 24, .persistence = 0.7});
  canvas.fill(grain, {scaled(colour, 0.6F), colour, scaled(colour, 0.85F), scaled(colour, 1.25F)});
  const int64_t planks = int64_t{1} << random.integer(0, 3);
  const int64_t height = n / planks;
  for (int64_t plank = 0; planks > 1 && plank < planks; ++plank) {
    const auto shade = random_float(random, 0.7, 1.2);
    const int64_t end = random.index(n);
    for (int64_t y = plank * height; y < (plank + 1) * height; ++y) {
      for (int64_t x = 0; x < n; ++x) {
        const bool gap = y == plank * height || x == end || x == end + 1;
        canvas.at(x, y) = scaled(canvas.at(x, y), gap ? 0.3F : shade);
      }
    }
  }
}

// What stands in one tile of a floor or wall.
void draw_motif(Canvas& canvas,
                Random& random,
                int64_t x,
                int64_t y,
                int64_t size,
                int64_t motif,
                const Colour& colour) {
  if (motif == 0) return;
  const auto radius = static_cast<double>(size) / 2;
  for (int64_t j = 0; j < size; ++j) {
    for (int64_t i = 0; i < size; ++i) {
      const double a = (static_cast<double>(i) + 0.5) / radius - 1;
      const double b = (static_cast<double>(j) + 0.5) / radius - 1;
      const bool inside = motif == 1   ? std::abs(a) + std::abs(b) < 0.8
                          : motif == 2 ? a * a + b * b < 0.5 && a * a + b * b > 0.2
                                       : std::abs(a * b) < 0.06;
      if (inside) canvas.around(x + i, y + j) = colour;
    }
  }
}

void draw_tiles(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  const int64_t across = int64_t{1} << random.integer(1, 4);
  const int64_t tile = n / across;
  const Colour one = draw_colour(random);
  const Colour two = random.chance(0.5) ? one : draw_colour(random);
  const Colour motif_colour = draw_colour(random);
  const int64_t motif = random.chance(0.4) && tile >= 16 ? random.integer(1, 3) : 0;
  const auto variation = random_float(random, 0.02, 0.3);
  const Colour grout = draw_colour(random);
  const int64_t gap = random.chance(0.8) ? std::max<int64_t>(1, tile / 24) : 0;
  for (int64_t row = 0; row < across; ++row) {
    for (int64_t column = 0; column < across; ++column) {
      const Colour& base = (row + column) % 2 == 0 ? one : two;
      const Colour colour = scaled(base, 1 + variation * random_float(random, -1, 1));
      canvas.rectangle(column * tile, row * tile, tile, tile, colour);
      draw_motif(canvas, random, column * tile, row * tile, tile, motif, motif_colour);
      canvas.rectangle(column * tile, row * tile, tile, gap, grout);
      canvas.rectangle(column * tile, row * tile, gap, tile, grout);
    }
  }
  const double strength = random.uniform(0.05, 0.25);
  canvas.shade(noise(random, n, {.persistence = 0.6}), strength);
}

void draw_bricks(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  const int64_t rows = int64_t{4} << random.integer(0, 2);
  const int64_t across = rows / 2;
  const int64_t height = n / rows;
  const int64_t width = n / across;
  const Colour base = random.chance(0.6) ? draw_hue(random, {0, 0.08}, {0.3, 0.7}, {0.35, 0.7})
                                         : draw_colour(random);
  const Colour mortar = draw_hue(random, {0, 1}, {0, 0.1}, {0.4, 0.9});
  const int64_t gap = std::max<int64_t>(1, height / 9);
  canvas.fill(mortar);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < across; ++column) {
      const auto towards = random_float(random, 0, 0.2);
      const Colour other = mixed(base, draw_colour(random), towards);
      canvas.rectangle(column * width + row % 2 * width / 2 + gap,
                       row * height + gap,
                       width - gap,
                       height - gap,
                       scaled(other, random_float(random, 0.65, 1.25)));
    }
  }
  canvas.shade(noise(random, n, {.cells_x = 8, .cells_y = 8, .persistence = 0.8}), 0.25);
  add_grain(canvas, random, 0.08);
}

void draw_fabric(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  // Stripes of the warp and of the weft, each a random sequence; half of them plain weave.
  const auto sequence = [&] {
    std::vector<Colour> stripes(static_cast<size_t>(n));
    const Colour ground = draw_colour(random);
    const bool striped = random.chance(0.7);
    for (int64_t i = 0; i < n;) {
      const Colour colour = striped && random.chance(0.5) ? draw_colour(random) : ground;
      const int64_t end = std::min(n, i + (striped ? random.integer(2, 40) : n));
      for (; i < end; ++i) stripes[static_cast<size_t>(i)] = colour;
    }
    return stripes;
  };
  const auto warp = sequence();
  const auto weft = random.chance(0.5) ? sequence() : warp;
  const bool one_way = random.chance(0.35);
  const int64_t thread = random.integer(1, 3);
  for (int64_t y = 0; y < n; ++y) {
    for (int64_t x = 0; x < n; ++x) {
      const bool over = (x / thread + y / thread) % 2 == 0 || one_way;
      const Colour& colour = over ? warp[static_cast<size_t>(x)] : weft[static_cast<size_t>(y)];
      canvas.at(x, y) = scaled(colour, over ? 1.0F : 0.8F);
    }
  }
  canvas.shade(noise(random, n), 0.2);
}

void draw_gravel(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  const Cells stones = cells(random, n, random.integer(6, 48));
  const Colour colour = draw_colour(random);
  const auto ramp = ramp_around(random, colour, random.uniform(0.2, 0.6));
  canvas.fill(stones.id, ramp);
  const auto gap = random_float(random, 0.05, 0.5);
  for (int64_t y = 0; y < n; ++y) {
    for (int64_t x = 0; x < n; ++x) {
      const float border = std::min(1.0F, stones.border.at(x, y) / gap);
      canvas.at(x, y) = scaled(canvas.at(x, y), 0.35F + 0.65F * border);
    }
  }
  canvas.shade(noise(random, n, {.persistence = 0.75}), 0.3);
}

void draw_blades(Canvas& canvas, Random& random, bool leaves) {
  const int64_t n = canvas.size();
  const double hue = leaves ? random.uniform(0.08, 0.4) : random.uniform(0.15, 0.33);
  canvas.fill(noise(random, n), {from_hue(hue - 0.05, 0.5, 0.12), from_hue(hue, 0.6, 0.3)});
  const int64_t count = n * n / (leaves ? 40 : 14);
  for (int64_t i = 0; i < count; ++i) {
    // The later, the nearer to the light.
    const double lightest = 0.4 + 0.5 * static_cast<double>(i) / static_cast<double>(count);
    const double tone = hue + 0.04 * random.normal();
    const Colour colour = draw_hue(random, {tone, tone}, {0.2, 0.75}, {0.15, lightest});
    const double x = random.uniform() * static_cast<double>(n);
    const double y = random.uniform() * static_cast<double>(n);
    if (!leaves) {
      const double across = 2 * random.normal();
      canvas.stroke(x, y, across, 4 * random.normal(), colour);
      continue;
    }
    const double dx = 3 * random.normal();
    const double dy = 3 * random.normal();
    for (int k = -1; k <= 1; ++k) canvas.stroke(x - k * dy / 4, y + k * dx / 4, dx, dy, colour);
  }
  canvas.shade(noise(random, n, {.cells_x = 3, .cells_y = 3}), 0.35);
}

// Lines of words, with a headline and pictures.
void draw_print(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  const bool dark = random.chance(0.25);
  const Colour paper = dark ? draw_colour(random) : draw_hue(random, {0, 1}, {0, 0.15}, {0.8, 1});
  const Colour ink = dark ? Colour{0.95F, 0.95F, 0.9F} : scaled(draw_colour(random), 0.35F);
  canvas.fill(paper);
  canvas.shade(noise(random, n), 0.06);
  const int64_t margin = n / 16;
  int64_t y = margin;
  while (y < n - margin) {
    const double what = random.uniform();
    if (what < 0.15 || y == margin) {  // a headline
      const int64_t height = n / random.integer(8, 14);
      const Colour colour = random.chance(0.5) ? draw_colour(random) : ink;
      canvas.word(random, margin, y, 9 * n / (10 * height), height, colour);
      y += height + height / 2;
    } else if (what < 0.3) {  // a picture
      Canvas picture(n);
      draw_dead_leaves(picture, random, 150, 2, static_cast<double>(n) / 6);
      const int64_t height = std::min(n / 4, n - margin - y);
      const int64_t x = random.integer(margin, n / 2);
      for (int64_t j = 0; j < height; ++j) {
        for (int64_t i = x; i < n - margin; ++i) canvas.at(i, y + j) = picture.at(i, y + j);
      }
      y += height + n / 32;
    } else {  // lines
      const int64_t height = std::max<int64_t>(5, n / random.integer(26, 44));
      const int64_t lines = random.integer(2, 6);
      for (int64_t line = 0; line < lines && y < n - margin; ++line, y += height * 3 / 2) {
        int64_t x = margin;
        const int64_t end = line + 1 == lines ? n / 2 : n - margin - 4 * height;
        while (x < end)
          x += canvas.word(random, x, y, random.integer(2, 6), height, ink) + height / 2;
      }
      y += height;
    }
  }
}

void draw_painting(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  const std::vector<Colour> ramp = {draw_colour(random), draw_colour(random), draw_colour(random)};
  canvas.fill(noise(random, n, {.cells_x = 2, .cells_y = 2, .persistence = 0.55}), ramp);
  draw_dead_leaves(canvas, random, random.integer(20, 120), 4, static_cast<double>(n) / 4);
  canvas.shade(noise(random, n, {.persistence = 0.7}), 0.25);
  const Colour frame = draw_colour(random);
  const int64_t width = n / 20;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      const Colour colour =
          scaled(frame, 0.7F + 0.3F * static_cast<float>(j) / static_cast<float>(width));
      canvas.at(i, j) = canvas.at(i, n - 1 - j) = canvas.at(j, i) = canvas.at(n - 1 - j, i) =
          colour;
    }
  }
}

void draw_books(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  canvas.fill({0.06F, 0.05F, 0.05F});
  for (int64_t x = 0; x < n;) {
    const int64_t width = std::min(n - x, random.integer(n / 24, n / 9));
    const int64_t top = random.index(n / 4);
    const Colour colour = draw_colour(random);
    for (int64_t i = 0; i < width; ++i) {
      const float across = static_cast<float>(2 * i) / static_cast<float>(width) - 1;
      canvas.rectangle(x + i, top, 1, n - top, scaled(colour, 1 - 0.35F * across * across));
    }
    const Colour ink = random.chance(0.5) ? Colour{0.9F, 0.85F, 0.6F} : scaled(colour, 0.3F);
    const int64_t bands = random.integer(1, 3);
    for (int64_t i = 0; i < bands; ++i) {
      const int64_t y = random.integer(top, n - 1);
      canvas.rectangle(x, y, width, random.integer(1, n / 40 + 1), ink);
    }
    // The title runs along the back: blocks of letters.
    for (int64_t y = top + n / 8; y < n - n / 6; y += n / 20) {
      if (random.chance(0.75)) canvas.rectangle(x + width / 3, y, width / 3, n / 32, ink);
    }
    x += width;
  }
  canvas.shade(noise(random, n, {.persistence = 0.7}), 0.2);
}

void draw_windows(Canvas& canvas, Random& random) {
  const int64_t n = canvas.size();
  if (random.chance(0.5)) {
    draw_bricks(canvas, random);
  } else {
    draw_plaster(canvas, random);
  }
  const int64_t across = random.integer(2, 4);
  const int64_t cell = n / across;
  const Colour frame = draw_colour(random);
  const double wide = random.uniform(0.35, 0.8);
  const double tall = random.uniform(0.45, 0.85);
  const int64_t bars = random.integer(0, 2);
  for (int64_t row = 0; row < across; ++row) {
    for (int64_t column = 0; column < across; ++column) {
      const auto width = static_cast<int64_t>(wide * static_cast<double>(cell));
      const auto height = static_cast<int64_t>(tall * static_cast<double>(cell));
      const int64_t x = column * cell + (cell - width) / 2;
      const int64_t y = row * cell + (cell - height) / 2;
      const int64_t edge = std::max<int64_t>(1, cell / 20);
      canvas.rectangle(x - edge, y - edge, width + 2 * edge, height + 2 * edge, frame);
      const Colour top = draw_hue(random, {0.5, 0.65}, {0.05, 0.4}, {0.2, 0.8});
      const Colour bottom = scaled(draw_colour(random), 0.35F);
      for (int64_t j = 0; j < height; ++j) {
        const float t = static_cast<float>(j) / static_cast<float>(height);
        canvas.rectangle(x, y + j, width, 1, mixed(top, bottom, t));
      }
      if (random.chance(0.4)) {  // a curtain or blind
        const int64_t low = random.integer(height / 6, height);
        canvas.rectangle(x, y, width, low, draw_colour(random));
      }
      for (int64_t bar = 1; bar <= bars; ++bar) {
        canvas.rectangle(x + bar * width / (bars + 1), y, edge, height, frame);
        canvas.rectangle(x, y + bar * height / (bars + 1), width, edge, frame);
      }
      canvas.rectangle(x - edge, y + height + edge, width + 2 * edge, edge, scaled(frame, 0.6F));
    }
  }
}

void draw_collage(Canvas& canvas, Random& random) {
  const auto n = static_cast<double>(canvas.size());
  const int64_t count = random.integer(300, 1500);
  draw_dead_leaves(canvas, random, count, n / 90, n / random.uniform(5, 14));
  canvas.shade(noise(random, canvas.size(), {.persistence = 0.65}), 0.3);
}

// A square part of a photo, scaled to the texture's size: means of the pixels that it covers.
Canvas crop_of(const at::Tensor& photo, Random random, int64_t size_px) {
  const at::Tensor pixels = photo.contiguous();
  const int64_t height = pixels.size(0);
  const int64_t width = pixels.size(1);
  const int64_t most = std::min(height, width);
  const int64_t side = random.integer(std::max<int64_t>(size_px / 4, most / 3), most);
  const int64_t left = random.integer(0, width - side);
  const int64_t top = random.integer(0, height - side);
  const bool mirrored = random.chance(0.5);
  const auto* values = pixels.const_data_ptr<uint8_t>();
  Canvas canvas(size_px);
  for (int64_t y = 0; y < size_px; ++y) {
    for (int64_t x = 0; x < size_px; ++x) {
      const int64_t y_from = top + y * side / size_px;
      const int64_t y_to = std::max(y_from + 1, top + (y + 1) * side / size_px);
      const int64_t x_from = left + x * side / size_px;
      const int64_t x_to = std::max(x_from + 1, left + (x + 1) * side / size_px);
      Colour sum{};
      for (int64_t j = y_from; j < y_to; ++j) {
        for (int64_t i = x_from; i < x_to; ++i) {
          for (size_t c = 0; c < 3; ++c) {
            sum[c] += values[3 * (j * width + i) + static_cast<int64_t>(c)];
          }
        }
      }
      const float scale = 1 / (255.0F * static_cast<float>((y_to - y_from) * (x_to - x_from)));
      canvas.at(mirrored ? size_px - 1 - x : x, y) = scaled(sum, scale);
    }
  }
  return canvas;
}

void check(const TextureOptions& options) {
  const bool power = (options.size_px & (options.size_px - 1)) == 0;
  if (!power || options.size_px < 16 || options.size_px > 2048) {
    throw ConfigError("size_px",
                      std::to_string(options.size_px) + "; must be a power of two from 16 to 2048");
  }
  if (options.count < kTextureKinds || options.count > 100000) {
    throw ConfigError("count",
                      std::to_string(options.count) + "; must be at least " +
                          std::to_string(kTextureKinds) + ", one of each kind, and at most 100000");
  }
  if (!(options.photo_share >= 0 && options.photo_share <= 1)) {
    throw ConfigError("photo_share", "must be from 0 to 1");
  }
  for (const at::Tensor& photo : options.photos) {
    TORCH_CHECK(photo.dim() == 3 && photo.size(2) == 3 && photo.scalar_type() == at::kByte &&
                    photo.is_cpu(),
                "make_textures: photos must be [H, W, 3] uint8 on the CPU, got ",
                photo.sizes());
    if (std::min(photo.size(0), photo.size(1)) < options.size_px / 4) {
      throw ConfigError("photos",
                        std::to_string(photo.size(1)) + " x " + std::to_string(photo.size(0)) +
                            " px is too small; " + std::to_string(options.size_px / 4) +
                            " px are needed on each side");
    }
  }
}

}  // namespace

Canvas draw_texture(TextureKind kind, Random random, int64_t size_px) {
  Canvas canvas(size_px);
  switch (kind) {
    case TextureKind::kPlain:
      draw_plain(canvas, random);
      break;
    case TextureKind::kPlaster:
      draw_plaster(canvas, random);
      break;
    case TextureKind::kStone:
      draw_stone(canvas, random);
      break;
    case TextureKind::kWood:
      draw_wood(canvas, random);
      break;
    case TextureKind::kTiles:
      draw_tiles(canvas, random);
      break;
    case TextureKind::kBricks:
      draw_bricks(canvas, random);
      break;
    case TextureKind::kFabric:
      draw_fabric(canvas, random);
      break;
    case TextureKind::kGravel:
      draw_gravel(canvas, random);
      break;
    case TextureKind::kGrass:
      draw_blades(canvas, random, false);
      break;
    case TextureKind::kFoliage:
      draw_blades(canvas, random, true);
      break;
    case TextureKind::kPainting:
      draw_painting(canvas, random);
      break;
    case TextureKind::kPrint:
      draw_print(canvas, random);
      break;
    case TextureKind::kBooks:
      draw_books(canvas, random);
      break;
    case TextureKind::kWindows:
      draw_windows(canvas, random);
      break;
    case TextureKind::kCollage:
      draw_collage(canvas, random);
      break;
    case TextureKind::kPhoto:
      TORCH_CHECK(false, "draw_texture: photos are given, not drawn");
  }
  return canvas;
}

Textures make_textures(const TextureOptions& options) {
  check(options);
  const int64_t n = options.size_px;
  Textures textures;
  textures.layers.resize(static_cast<size_t>(kTextureKinds) + 1);
  Random order(options.seed, 0);
  for (int64_t layer = 0; layer < options.count; ++layer) {
    // The first ones, one of each kind, then at random.
    const bool photo =
        layer >= kTextureKinds && !options.photos.empty() && order.chance(options.photo_share);
    const auto kind =
        photo
            ? TextureKind::kPhoto
            : static_cast<TextureKind>(layer < kTextureKinds ? layer : order.index(kTextureKinds));
    textures.kinds.push_back(kind);
    textures.layers[static_cast<size_t>(kind)].push_back(static_cast<int32_t>(layer));
  }
  at::Tensor planes = at::empty({options.count, 3, n, n}, at::kByte);
  auto* const to = planes.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, options.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t layer = begin; layer < end; ++layer) {
      Random random(options.seed, static_cast<uint64_t>(layer) + 1);
      const TextureKind kind = textures.kinds[static_cast<size_t>(layer)];
      const Canvas canvas = kind == TextureKind::kPhoto
                                ? crop_of(options.photos[static_cast<size_t>(random.index(
                                              static_cast<int64_t>(options.photos.size())))],
                                          random.stream(0),
                                          n)
                                : draw_texture(kind, random, n);
      for (int64_t i = 0; i < n * n; ++i) {
        const Colour& colour = canvas.at(i % n, i / n);
        for (int64_t c = 0; c < 3; ++c) {
          to[(layer * 3 + c) * n * n + i] = static_cast<uint8_t>(
              255 * std::clamp(colour[static_cast<size_t>(c)], 0.0F, 1.0F) + 0.5F);
        }
      }
    }
  });
  textures.atlas = kernels::raycast_atlas(planes);
  return textures;
}

}  // namespace vggt::synthetic
