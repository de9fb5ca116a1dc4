// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/texture_drawings.h"

#include <algorithm>
#include <cmath>

namespace vggt::synthetic {

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
    const int64_t width = std::min(n - x, std::max<int64_t>(1, random.integer(n / 24, n / 9)));
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
    for (int64_t y = top + n / 8; y < n - n / 6; y += std::max<int64_t>(1, n / 20)) {
      if (random.chance(0.75)) canvas.rectangle(x + width / 3, y, width / 3, n / 32, ink);
    }
    x += width;
  }
  canvas.shade(noise(random, n, {.persistence = 0.7}), 0.2);
}

void draw_collage(Canvas& canvas, Random& random) {
  const auto n = static_cast<double>(canvas.size());
  const int64_t count = random.integer(300, 1500);
  draw_dead_leaves(canvas, random, count, n / 90, n / random.uniform(5, 14));
  canvas.shade(noise(random, canvas.size(), {.persistence = 0.65}), 0.3);
}

}  // namespace vggt::synthetic
