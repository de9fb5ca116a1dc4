// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/texture_drawings.h"

#include <algorithm>
#include <cmath>

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

}  // namespace

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

}  // namespace vggt::synthetic
