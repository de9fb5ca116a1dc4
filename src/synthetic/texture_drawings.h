// SPDX-License-Identifier: Apache-2.0
// How each kind of texture is drawn; see TextureKind. Each covers the whole canvas.
#pragma once

#include "src/synthetic/canvas.h"

namespace vggt::synthetic {

// Surfaces: texture_surfaces.cpp.
void draw_plain(Canvas& canvas, Random& random);
void draw_plaster(Canvas& canvas, Random& random);
void draw_stone(Canvas& canvas, Random& random);
void draw_wood(Canvas& canvas, Random& random);
void draw_tiles(Canvas& canvas, Random& random);
void draw_bricks(Canvas& canvas, Random& random);
void draw_fabric(Canvas& canvas, Random& random);
void draw_gravel(Canvas& canvas, Random& random);
void draw_blades(Canvas& canvas, Random& random, bool leaves);  ///< grass or foliage
void draw_windows(Canvas& canvas, Random& random);              ///< of a facade

// What is drawn or printed: texture_pictures.cpp.
void draw_print(Canvas& canvas, Random& random);
void draw_painting(Canvas& canvas, Random& random);
void draw_books(Canvas& canvas, Random& random);
void draw_collage(Canvas& canvas, Random& random);

}  // namespace vggt::synthetic
